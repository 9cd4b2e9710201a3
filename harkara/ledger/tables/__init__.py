"""The ledger's tables as SQLAlchemy `Table` objects; `migrations/` creates them in a database.

The modules beside this one define them as models of SQLModel, from which `python -m docs.render` writes `columns.json`.
A table is built from that file when it is first used: a command needs a third of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sqlalchemy import MetaData, Table

from harkara.ledger.tables import rendered

message: Table
alias: Table
attempt: Table
replaced_post: Table
trace: Table
occasion: Table
campaign: Table
upload: Table
upload_part: Table
event: Table
charge: Table
spend_day: Table
spend_delta: Table
spend_backfill: Table
budget: Table
contact: Table
consent: Table
conversation: Table
turn: Table
callback: Table
halt: Table
lease: Table
applied_entry: Table
dead_letter: Table
identity: Table
process: Table
worker: Table
user: Table
session: Table
act: Table
goal: Table
alarm: Table
notice: Table

_OTHERWISE = {"lease": "duty", "user": "console_user", "session": "console_session"}
"""Names of tables in the database that are others here."""

_MODELS = (
    "messages",
    "occasions",
    "campaigns",
    "uploads",
    "events",
    "charges",
    "contacts",
    "conversations",
    "callbacks",
    "halts",
    "leases",
    "intake",
    "identities",
    "workers",
    "users",
    "alarms",
)
"""The modules of the models."""


def all_models() -> MetaData:
    """Return the tables as their models define them, with constraints and indexes, for migrations."""
    from sqlmodel import SQLModel

    for module in _MODELS:
        import_module(f"{__name__}.{module}")
    return SQLModel.metadata


if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> Table:
        if __annotations__.get(name) != "Table":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = rendered.table(_OTHERWISE.get(name, name))
        return found
