"""The tables of customers and of their consent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import partial


class ContactRow(SQLModel, table=True):
    """A customer as one lane knows them: when they last wrote, and which messages they refuse.

    `stopped` names the refused messages: everything, marketing, or none (None). `agreed_at` is the time of their
    agreement to marketing, and the last column the time of their last opt-out or opt-in.
    """

    __tablename__ = "contact"

    __table_args__ = (
        CheckConstraint("stopped IN ('everything', 'marketing')", name="stopped"),
        partial("ix_contact_retention", "wrote_at", where="wished_at IS NULL"),
    )

    lane: str = Field(primary_key=True, max_length=40)
    recipient: str = Field(primary_key=True, max_length=15)
    wrote_at: datetime | None = None
    stopped: str | None = Field(default=None, max_length=10)
    agreed_at: datetime | None = None
    wished_at: datetime | None = None


class ConsentRow(SQLModel, table=True):
    """The proof of one opt-out or opt-in: when and how it was given, in which words. Rows are only ever added."""

    __tablename__ = "consent"

    __table_args__ = (
        Index("ix_consent_recipient_lane", "recipient", "lane"),
        CheckConstraint("wish IN ('opt-out', 'opt-in')", name="wish"),
        CheckConstraint("category IN ('everything', 'marketing')", name="category"),
    )

    id: int | None = Field(default=None, primary_key=True)
    lane: str = Field(max_length=40)
    recipient: str = Field(max_length=15)
    at: datetime
    wish: str = Field(max_length=10)
    category: str = Field(max_length=10)
    how: str = Field(max_length=20)
    proof: str | None = Field(default=None, max_length=500)
