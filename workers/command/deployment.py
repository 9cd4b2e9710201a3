"""Access to this deployment: its ledger, its backend for messages, its lanes, templates and rules."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harkara.errors import Invalid, OtherDeployment, Unavailable
from workers.command.output import note

if TYPE_CHECKING:  # importing SQLModel and Celery takes a second, which `--help` need not pay
    from harkara.backends.ledger import LedgerBackend
    from harkara.catalogue import Catalogue
    from harkara.lanes import Lane
    from harkara.ledger.database import Database
    from harkara.occasions import ReminderPlan

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def ledger() -> Iterator[Database]:
    """Open the ledger only, so that look-ups work while Redis and the workers are down. Raises Unavailable."""
    with unchecked_ledger() as db:
        check_schema(db)
        yield db


@contextmanager
def unchecked_ledger() -> Iterator[Database]:
    """Open the ledger, whatever its schema is."""
    from config.ledger import open_database
    from config.settings import settings

    db = open_database(settings())
    try:
        yield db
    finally:
        db.close()


def check_schema(db: Database) -> None:
    """Check that the ledger answers, and that this release can use it. Raises Unavailable with the next step."""
    from harkara.ledger import migrate

    if problem := migrate.schema_problem(db):
        raise Unavailable(problem)


def check_redis(db: Database) -> None:
    """Check that the ledger's workers, and not another's, read this Redis. Raises OtherDeployment.

    A Redis that does not answer is no reason to refuse: the ledger has the message, and workers find it there.
    """
    from config.settings import settings
    from harkara.ledger.identity import ledger_identity
    from harkara.pairing import refuse_other_ledger
    from harkara.redis_client import connect
    from harkara.redis_identity import read_identity

    try:
        with connect(settings().broker_url, seconds=3) as connection:
            refuse_other_ledger(ledger_identity(db), read_identity(connection))
    except OtherDeployment:
        raise
    except Unavailable:
        pass  # the hint fails as well, and says so


@contextmanager
def backend() -> Iterator[LedgerBackend]:
    """Open the backend that writes a message to the ledger and then publishes its hint."""
    from config.ledger_backend import ledger_backend
    from config.settings import settings
    from harkara.backends.broker import Broker

    log_to_stderr()
    with ledger() as db:
        check_redis(db)
        opened = ledger_backend(settings(), db, Broker.at(settings().broker_url))
        try:
            yield opened
        finally:
            opened.close()


def log_to_stderr() -> None:
    """Send warnings, such as a hint that Redis refuses, to stderr: stdout is for results."""
    from config import logs

    logs.set_up()
    root = logging.getLogger()
    root.setLevel(max(root.level, logging.WARNING))


def configured() -> dict[str, Lane]:
    """Return the lanes of this deployment by name."""
    from config.lanes import lanes
    from config.settings import settings

    return lanes(settings())


def catalogue() -> Catalogue:
    """Return the kinds of template of this deployment."""
    from config.settings import settings
    from config.templates import catalogue

    return catalogue(settings())


def plan() -> ReminderPlan:
    """Return the rules, templates and zones from which reminders are derived."""
    from config.reminders import load_reminder_plan
    from config.settings import settings

    return load_reminder_plan(settings(), configured())


def check_lane(name: str) -> None:
    """Check that a worker of this deployment sends for the lane. Raises Invalid."""
    known = configured()
    if not known:
        note("No lane has a token: set CHATMITRA_API_TOKEN. Messages wait until the workers have it.")
    elif name not in known:
        raise Invalid("lane", f"is not configured; configured lanes: {', '.join(sorted(known))}")
