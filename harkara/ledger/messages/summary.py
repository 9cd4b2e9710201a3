"""The fields of a message that may be shown anywhere, from its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from harkara.message_status import MessageSummary, ReminderSummary
from harkara.states import State

_FLAGS = {"maybe_duplicate": "maybe_duplicate", "replaced": "fallback"}
"""Flags of a message by the column that sets them when it is true or not null."""

COLUMNS = {field.name: field.name for field in fields(MessageSummary) if field.name != "flags"}
COLUMNS["campaign"] = "campaign_id"
"""The column of each field of a summary but `flags`."""


def summary(row: Mapping[str, Any]) -> MessageSummary:
    """The fields that may be shown anywhere, from a row with all columns of `message`."""
    return MessageSummary(**summary_fields(row))


def reminder_summary(row: Mapping[str, Any]) -> ReminderSummary:
    """The same of a reminder, with the rule that scheduled it."""
    return ReminderSummary(**summary_fields(row), rule=row["rule"])


def summary_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields by name."""
    found = {field: row[column] for field, column in COLUMNS.items()}
    flags = tuple(flag for column, flag in _FLAGS.items() if row[column])
    return found | {"state": State(found["state"]), "flags": flags}
