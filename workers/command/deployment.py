"""This deployment, as the command reaches it: its ledger without anything else, and the door for messages."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harkara.errors import Invalid, Unavailable
from workers.command.output import note

if TYPE_CHECKING:  # SQLModel and Celery cost a second, which `--help` should not
    from harkara.backends.ledger import LedgerBackend
    from harkara.catalogue import Catalogue
    from harkara.lanes import Lane
    from harkara.ledger.database import Database
    from harkara.occasions import ReminderPlan

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def ledger() -> Iterator[Database]:
    """The ledger alone: people look things up while Redis and the workers are down. Raises Unavailable."""
    from config.ledger import open_database
    from config.settings import settings

    db = open_database(settings())
    try:
        check_schema(db)
        yield db
    finally:
        db.close()


def check_schema(db: Database) -> None:
    """Raises Unavailable with the next step when the ledger cannot be used by this release."""
    from harkara.ledger import migrate

    with db.read() as tx:
        _ = tx.now  # whether it answers at all
    if problem := migrate.schema_problem(db):
        raise Unavailable(problem)


@contextmanager
def door() -> Iterator[LedgerBackend]:
    """Where messages go in: the row first, then the hint."""
    from config.backend import ledger_backend
    from config.settings import settings
    from harkara.backends.broker import Broker

    log_to_stderr()
    with ledger() as db:
        door = ledger_backend(settings(), db, Broker.at(settings().broker_url))
        try:
            yield door
        finally:
            door.close()


def log_to_stderr() -> None:
    """For what may log trouble, such as a hint that Redis does not take: stdout is for results."""
    from config import logs

    logs.set_up()
    root = logging.getLogger()
    root.setLevel(max(root.level, logging.WARNING))


def configured() -> dict[str, Lane]:
    """The lanes of this deployment, by name."""
    from config.lanes import lanes
    from config.settings import settings

    return lanes(settings())


def catalogue() -> Catalogue:
    """The kinds of template of this deployment."""
    from config.settings import settings
    from config.templates import catalogue

    return catalogue(settings())


def plan() -> ReminderPlan:
    """By which the reminders of this deployment are derived."""
    from config.reminders import plan
    from config.settings import settings

    return plan(settings())


def check_lane(name: str) -> None:
    """Raises Invalid for a lane that no worker here would send for."""
    known = configured()
    if not known:
        note("No lane has a token here: set CHATMITRA_API_TOKEN; until the workers have it, messages wait.")
    elif name not in known:
        raise Invalid("lane", f"is not configured; configured are {', '.join(sorted(known))}")
