"""Parts that workers and the HTTP API share."""

from __future__ import annotations

import os
import socket
from functools import cache

from config.celery_app import app
from config.lanes import lanes as lanes_of
from config.ledger import open_database
from config.reminders import load_reminder_plan
from config.settings import settings
from harkara.backends.broker import Broker
from harkara.intake.stream import WEBHOOKS, Intake
from harkara.lanes import Lane
from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.occasions import ReminderPlan
from harkara.redis_client import connect


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


def check_schema() -> None:
    """Migrate the embedded database. Raises SystemExit for another database without the schema of this release."""
    if problem := migrate.schema_problem(database()):
        if settings().database_url is not None:
            raise SystemExit(problem)
        migrate.upgrade(database())
