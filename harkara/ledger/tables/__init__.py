"""The ledger's tables as SQLAlchemy `Table` objects; `migrations/` creates them in a database.

A table is imported when it is first used: a command needs a third of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sqlalchemy import MetaData, Table
from sqlmodel import SQLModel

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
audit_run: Table

_ROWS = {
    "messages": {
        "message": "MessageRow",
        "alias": "AliasRow",
        "attempt": "AttemptRow",
        "replaced_post": "ReplacedPostRow",
        "trace": "TraceRow",
    },
    "occasions": {"occasion": "OccasionRow"},
    "campaigns": {"campaign": "CampaignRow"},
    "uploads": {"upload": "UploadRow", "upload_part": "UploadPartRow"},
    "events": {"event": "EventRow"},
    "charges": {
        "charge": "ChargeRow",
        "spend_day": "SpendDayRow",
        "spend_delta": "SpendDeltaRow",
        "spend_backfill": "SpendBackfillRow",
        "budget": "BudgetRow",
    },
    "contacts": {"contact": "ContactRow", "consent": "ConsentRow"},
    "conversations": {"conversation": "ConversationRow", "turn": "TurnRow"},
    "callbacks": {"callback": "CallbackRow"},
    "halts": {"halt": "HaltRow"},
    "leases": {"lease": "LeaseRow"},
    "intake": {"applied_entry": "AppliedEntryRow", "dead_letter": "DeadLetterRow"},
    "identity": {"identity": "IdentityRow", "process": "ProcessRow"},
    "workers": {"worker": "WorkerRow"},
    "users": {"user": "UserRow", "session": "SessionRow", "act": "ActRow"},
    "audits": {"audit_run": "AuditRunRow"},
    "alarms": {"goal": "GoalRow", "alarm": "AlarmRow", "notice": "NoticeRow"},
}
"""The modules of the tables, and the models in them."""

_MODULES = {table: module for module, rows in _ROWS.items() for table in rows}


def all_tables() -> MetaData:
    """Return the metadata of all tables, those included that this process has not used."""
    for module in _ROWS:
        _import(module)
    return SQLModel.metadata


if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> Table:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        _import(_MODULES[name])
        return globals()[name]


def _import(module: str) -> None:
    """Bind all tables of the module at once: one of them may have the module's own name."""
    models = import_module(f"{__name__}.{module}")
    for table, row in _ROWS[module].items():
        globals()[table] = getattr(models, row).__table__
