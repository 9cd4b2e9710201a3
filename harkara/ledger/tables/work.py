"""Work: what is held back, and who does what for all."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter


class Halt(SQLModel, table=True):
    """What is held back: a lane (parked, or its breaker open), a template, a recipient or a producer of a lane.

    `until` None is until an operator lifts it. A lane's halt that has run out stays as the sign that the
    lane is to be probed with one message; the first answer from Chat Mitra removes it.
    """

    lane: str = Field(primary_key=True, max_length=40)
    scope: str = Field(primary_key=True, max_length=10)
    subject: str = Field(primary_key=True, default="", max_length=60)
    code: str = Field(max_length=40)
    reason: str = Field(max_length=1000)
    since: datetime
    until: datetime | None = None
    times: int = counter()


class Duty(SQLModel, table=True):
    """Work that one process does for all at a time (dispatch, sweep), under a short lease."""

    name: str = Field(primary_key=True, max_length=20)
    holder: str = Field(max_length=80)
    until: datetime
    done_at: datetime | None = None
