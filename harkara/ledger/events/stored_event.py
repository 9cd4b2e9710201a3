"""An event as the ledger stores it, and the states that it goes through."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, select

from harkara.ledger.tables import event

RECEIVED = "received"
"""The value of `about` for what a customer said or chose, and for the notice that a customer's number changed.

For a status it is the status, for any other event its own name.
"""


class EventState(StrEnum):
    """The values of the column `state`."""

    NEW = "new"
    APPLIED = "folded"  # stored under the name of the task harkara.fold
    ORPHAN = "orphan"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A row of the table `event`. `body` is the event's JSON; `tries` counts the rounds that found no message."""

    id: int
    lane: str
    about: str
    body: str = field(repr=False)
    received_at: datetime
    tries: int


def select_events() -> Select[Any]:
    """Return a query whose rows are the fields of `StoredEvent`."""
    return select(event.c.id, event.c.lane, event.c.about, event.c.body, event.c.received_at, event.c.tries)
