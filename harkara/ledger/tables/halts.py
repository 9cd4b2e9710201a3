"""The table of halts."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter


class HaltRow(SQLModel, table=True):
    """A hold on messages: of a lane (parked, or its breaker is open), a template, a recipient or a producer.

    `until` is None for a hold that an operator must lift. An expired halt of a lane stays: one message probes the
    lane, and Chat Mitra's first answer removes the halt.
    """

    __tablename__ = "halt"

    lane: str = Field(primary_key=True, max_length=40)
    scope: str = Field(primary_key=True, max_length=10)
    subject: str = Field(primary_key=True, default="", max_length=60)
    code: str = Field(max_length=40)
    reason: str = Field(max_length=1000)
    since: datetime
    until: datetime | None = None
    times: int = counter()
