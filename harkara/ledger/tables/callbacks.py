"""The table of callbacks to the application."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Text
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter, partial


class CallbackRow(SQLModel, table=True):
    """One callback to the application, due until it is delivered or its day is over.

    `subject` is the id of the message, event or occasion that it is about, or the name of the lane. `data` is its JSON,
    removed after delivery. A worker that delivers it moves `due_at` ahead: that is its lease.
    """

    __tablename__ = "callback"

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name="state"),
        partial("ix_callback_due", "due_at", where="state = 'waiting'"),
        partial("ix_callback_delivered", "done_at", where="state = 'delivered'"),
        partial("ix_callback_dead", "done_at", where="state = 'dead'"),
    )

    id: str = Field(primary_key=True, max_length=40)
    lane: str = Field(max_length=40)
    kind: str = Field(max_length=40)
    subject: str = Field(max_length=40)
    data: str | None = Field(default=None, sa_type=Text)
    state: str = Field(max_length=10)
    due_at: datetime
    expires_at: datetime
    created_at: datetime
    done_at: datetime | None = None
    tries: int = counter()
    status: int | None = None
    reason: str | None = Field(default=None, max_length=200)
