"""Plans: what will happen to customers, and what is to go to many of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Text
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter, partial


class Occasion(SQLModel, table=True):
    """Something that will happen to a customer; its reminders are messages that name it and its revision.

    `version` is the application's own and only ever grows; `revision` grows with every change that its reminders must
    follow. `rules` is the digest of the rules by which they were derived.
    """

    __table_args__ = (
        Index("uq_occasion_reference_kind_lane", "reference", "kind", "lane", unique=True),
        CheckConstraint("status IN ('open', 'cancelled', 'completed')", name="status"),
        partial("ix_occasion_rules", "kind", "rules", "at", where="status = 'open'"),
        partial("ix_occasion_retention", "at", where="recipient IS NOT NULL"),
        partial("ix_occasion_recipient", "recipient", "lane", where="status = 'open' AND recipient IS NOT NULL"),
    )

    id: str = Field(primary_key=True, max_length=40)
    reference: str = Field(max_length=200)
    kind: str = Field(max_length=40)
    lane: str = Field(max_length=40)
    producer: str = Field(max_length=40)
    recipient: str | None = Field(default=None, max_length=15)
    language: str | None = Field(default=None, max_length=10)
    parameters: str | None = Field(default=None, sa_type=Text)
    at: datetime
    zone: str = Field(max_length=60)
    version: int | None = Field(default=None, sa_type=BigInteger)
    revision: int = counter()
    rules: str = Field(max_length=16)
    status: str = Field(max_length=10)
    reason: str | None = Field(default=None, max_length=200)
    created_at: datetime
    changed_at: datetime


class Campaign(SQLModel, table=True):
    """One template to a frozen audience; its messages name it, and are of a producer by its id.

    What has not started or is paused is held by a halt on that producer.
    """

    __table_args__ = (
        CheckConstraint(
            "state IN ('loading', 'ready', 'scheduled', 'running', 'paused', 'cancelled', 'finished')", name="state"
        ),
    )

    id: str = Field(primary_key=True, max_length=40)
    name: str = Field(max_length=80, unique=True)
    lane: str = Field(max_length=40)
    kind: str = Field(max_length=60)
    template: str = Field(max_length=60)
    category: str = Field(max_length=20)
    source: str = Field(max_length=200)
    audience: int = counter()
    rejected: int = counter()
    error_share: float
    state: str = Field(max_length=10)
    code: str | None = Field(default=None, max_length=40)
    reason: str | None = Field(default=None, max_length=1000)
    created_at: datetime
    changed_at: datetime
    start_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    resumed_at: datetime | None = None
