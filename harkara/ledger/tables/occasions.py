"""The table of occasions: what happens to customers, and which reminder rules apply to it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Text
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter, partial


class OccasionRow(SQLModel, table=True):
    """An event that a customer is reminded of; each reminder is a message that names the occasion and its revision.

    `version` comes from the application and only grows. `revision` grows with every change that the reminders must
    follow. `rules` is the digest of the rules that the reminders were derived from. `stream_position` is that of the
    newest entry of the intake that was applied; updates through other backends have none. `closed_at` is the time of
    the last change to a status that is not open. `follow_up_until` is the end of the last reminder that is planned for
    a closed occasion or for a time after `at`; NULL without such a reminder.
    """

    __tablename__ = "occasion"

    __table_args__ = (
        Index("uq_occasion_reference_kind_lane", "reference", "kind", "lane", unique=True),
        CheckConstraint("status IN ('open', 'cancelled', 'completed', 'no-show')", name="status"),
        Index("ix_occasion_kind_at", "kind", "at"),
        partial("ix_occasion_rules", "kind", "rules", "at", where="status = 'open'"),
        partial("ix_occasion_follow_up", "kind", "rules", "follow_up_until", where="follow_up_until IS NOT NULL"),
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
    stream_position: str | None = Field(default=None, max_length=41)
    revision: int = counter()
    rules: str = Field(max_length=16)
    status: str = Field(max_length=10)
    reason: str | None = Field(default=None, max_length=200)
    created_at: datetime
    changed_at: datetime
    closed_at: datetime | None = None
    follow_up_until: datetime | None = None
