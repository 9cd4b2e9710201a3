"""The tables of the ledger's identity, and of the processes that use it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel


class IdentityRow(SQLModel, table=True):
    """The one row by which a Redis recognizes its ledger; `ledger` is random.

    `oldest_revision` is the newest migration of the oldest release that works with the schema of the database.
    `timeline` is the timeline of PostgreSQL on which the ledger was last known to have every POST.
    """

    __tablename__ = "identity"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(primary_key=True, default=1, sa_column_kwargs={"autoincrement": False})
    ledger: str = Field(max_length=32)
    oldest_revision: str | None = Field(default=None, max_length=8)
    timeline: str | None = Field(default=None, max_length=8)


class ProcessRow(SQLModel, table=True):
    """A process and the Redis that it uses: since when, and at what time it last saw that Redis.

    It runs `release`, whose newest migration is `revision`, and opens up to `connections` to the database.
    """

    __tablename__ = "process"

    name: str = Field(primary_key=True, max_length=120)
    redis: str = Field(max_length=32)
    since: datetime
    seen_at: datetime
    release: str | None = Field(default=None, max_length=40)
    revision: str | None = Field(default=None, max_length=8)
    connections: int | None = None
