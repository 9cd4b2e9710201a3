"""Parts that workers and the HTTP API share."""

from __future__ import annotations

import os
import socket
from functools import cache

import structlog

from config.celery_app import app
from config.lanes import lanes as lanes_of
from config.ledger import open_database
from config.reminders import load_reminder_plan
from config.settings import settings
from harkara.backends.broker import Broker
from harkara.errors import Unavailable
from harkara.intake.stream import WEBHOOKS, Intake
from harkara.lanes import Lane
from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.occasions import ReminderPlan
from harkara.redis_client import connect
from harkara.redis_eviction import eviction_problem

log = structlog.get_logger(__name__)


@cache
def process_name() -> str:
    """Return host and process id, which name the holder of a lease, a claim or a stream entry."""
    return f"{socket.gethostname()}:{os.getpid()}"


@cache
def database() -> Database:
    return open_database(settings())


@cache
def broker() -> Broker:
    return Broker(app)


@cache
def lanes() -> dict[str, Lane]:
    return lanes_of(settings())


@cache
def reminder_plan() -> ReminderPlan:
    return load_reminder_plan(settings())


@cache
def webhook_stream() -> Intake:
    """Return the Redis stream that keeps webhooks while the database is away."""
    return Intake(connect(settings().broker_url, seconds=3), reader=process_name(), stream=WEBHOOKS)


def check_eviction() -> None:
    """Log an error if Redis may delete hand-overs and webhooks. A Redis that does not answer is checked later."""
    try:
        with connect(settings().broker_url, seconds=3) as connection:
            problem = eviction_problem(connection)
    except Unavailable as error:
        log.warning("redis not checked", action="redis_not_checked", error=str(error))
        return
    if problem:
        log.error("redis unsafe", action="redis_evicts", error=f"{problem}; until then it accepts no messages")


def check_schema() -> None:
    """Migrate the embedded database. Raises SystemExit for another database without the schema of this release."""
    if problem := migrate.schema_problem(database()):
        if settings().database_url is not None:
            raise SystemExit(problem)
        migrate.upgrade(database())
