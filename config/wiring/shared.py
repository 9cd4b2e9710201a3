"""Parts that workers and the HTTP API share."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import cache
from threading import Event
from typing import Final

import structlog

from config.campaigns import campaign_settings
from config.files import ConfigFiles
from config.ledger import open_database
from config.settings import settings
from config.wiring.loaded_files import config_files, of_files
from harkara.backends.broker import Broker
from harkara.delivery.schema_watch import SchemaWatch
from harkara.errors import OtherDeployment, Unavailable
from harkara.intake.stream import WEBHOOKS, Intake
from harkara.lanes import Lane
from harkara.ledger import migrate
from harkara.ledger.campaigns.create import CampaignSettings
from harkara.ledger.connection_budget import connection_limits, tightest
from harkara.ledger.connection_errors import REMEDY
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import NoConnectionLeft
from harkara.ledger.identity import ProcessNeeds
from harkara.ledger.process_reports import live_reports
from harkara.occasions import ReminderPlan
from harkara.outages import OutageLog
from harkara.pairing import Pairing
from harkara.redis_client import connect
from harkara.redis_eviction import eviction_problem
from harkara.version import __version__

log = structlog.get_logger(__name__)


_MAX_HOST = 60
"""Characters of a host's name: the ledger stores 80 for a process, with its id and a random part."""


@cache
def process_name() -> str:
    """Return host and process id, which name the holder of a lease, a claim or a stream entry."""
    return f"{socket.gethostname()[:_MAX_HOST]}:{os.getpid()}"


@cache
def outages() -> OutageLog:
    return OutageLog()


stopping: Final = Event()
"""Set when the process is asked to end: a supervisor kills it after a while, so what takes minutes ends early."""


@cache
def database() -> Database:
    return open_database(settings())


@cache
def broker() -> Broker:
    return Broker(connect(settings().broker_url, seconds=3))


def lanes() -> dict[str, Lane]:
    """Return the lanes by name. A reload changes their hours and limits, and never their names or tokens."""
    return config_files().lanes


def reminder_plan() -> ReminderPlan:
    return config_files().plan


@of_files
def campaigns(files: ConfigFiles) -> CampaignSettings:
    return campaign_settings(settings(), files.plan.catalogue, files.lanes, files.prices)


@cache
def intake() -> Intake:
    return Intake(connect(settings().broker_url, seconds=3), reader=process_name(), ledger=pairing().ledger)


@cache
def webhook_stream() -> Intake:
    """Return the Redis stream that keeps webhooks while the database is away."""
    connection = connect(settings().broker_url, seconds=3)
    return Intake(connection, reader=process_name(), stream=WEBHOOKS, ledger=pairing().ledger)


def queue_depths() -> dict[str, int]:
    """Return the number of entries in each queue and stream. Raises Unavailable."""
    return broker().queue_depths() | {"intake": intake().length(), "webhooks": webhook_stream().length()}


@cache
def pairing() -> Pairing:
    return Pairing(database(), connect(settings().broker_url, seconds=3), process_name(), needs())


def needs(threads: int | None = None) -> ProcessNeeds:
    """Return what this process runs and needs; with `threads`, only so many of it use the ledger."""
    return ProcessNeeds(__version__, migrate.head(), database().most_connections(threads))


def check_pairing() -> None:
    """Check that Redis and the ledger belong together. Raises OtherDeployment.

    A service that does not answer at the start does not stop it: the first work checks again.
    """
    try:
        pairing().start()
    except OtherDeployment:
        raise
    except Unavailable as error:
        log.warning("pairing not checked yet", action="not_paired", error=str(error))


def end_unless_paired(end: Callable[[], object]) -> None:
    """Call `end` if Redis or the ledger has become another's while this process runs. Raises Unavailable."""
    try:
        pairing().check()
    except OtherDeployment as error:
        log.critical("process ended", action="other_deployment", error=str(error))
        end()


def end_pairing() -> None:
    """Forget this process, which ends, in the register of the ledger."""
    try:
        pairing().close()
    except Unavailable as error:
        log.info("process not unregistered", action="not_unregistered", error=str(error))


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
    """Migrate the embedded database. Raises SystemExit for another one whose schema this release does not work with.

    Raises Unavailable, also when PostgreSQL has no connection left, then with the number that this process needs.
    """
    try:
        problem = migrate.schema_problem(database())
    except NoConnectionLeft as error:
        raise NoConnectionLeft(f"{error} (this process needs up to {database().most_connections()})") from None
    if problem:
        if settings().database_url is not None:
            raise SystemExit(problem)
        migrate.upgrade(database())


def check_connections() -> None:
    """Check that PostgreSQL has room for what this process needs, beside the processes that were there before.

    Raises SystemExit if there is none even without them, and NoConnectionLeft otherwise. A database that does not
    answer is checked no further.
    """
    own = database().most_connections()
    try:
        needed = _needed_by_seniors() + own
        limit = tightest(connection_limits(database()), needed)
    except NoConnectionLeft as error:
        raise NoConnectionLeft(f"{error} (this process needs up to {own})") from None
    except Unavailable as error:
        log.warning("connections not checked", action="connections_not_checked", error=str(error))
        return
    if limit is None or not (missing := limit.missing(needed)):
        return
    problem = (
        f"PostgreSQL has too few connections: this process needs up to {own}, the processes before it {needed - own}, "
        f"others use {limit.others}, and {limit.name} allows {limit.most}, {missing} too few: {REMEDY}"
    )
    end_pairing()  # it does not run, and needs none
    if limit.others + own > limit.most:
        raise SystemExit(problem)
    raise NoConnectionLeft(problem)


def _needed_by_seniors() -> int:
    """Return the needs of the processes that were there first: of two that start at once, one gets its connections."""
    reports = live_reports(database())
    own = [each for each in reports if each.name == pairing().name]
    seniors = [each for each in reports if not own or each < own[0]]
    return sum(each.connections or database().most_connections() for each in seniors)


def schema_watch(end: Callable[[], object]) -> Callable[[], None]:
    """Return the check of a running process whether it still works with the schema; it calls `end` if not."""
    return SchemaWatch(database(), end).check
