"""The tables of customers and of their consent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import partial

UNSETTLED = "wished_at IS NOT NULL AND (settled_at IS NULL OR wished_at <> settled_at)"
"""A contact whose last choice was written without the other names of the person, as releases before people did."""

ERASED = "stopped IS NOT NULL AND substr(recipient, 1, 7) = 'erased:'"
"""The opt-out of a person whose data was erased, under a pseudonym."""


class ContactRow(SQLModel, table=True):
    """One name of a customer in one lane: when they last wrote, and which messages they refuse.

    The name is the digits of a phone number or a user id. Rows with the same `person` are names of one person, and
    their other columns are equal; without a person the row is not examined yet. `stopped` names the refused messages:
    everything, marketing, or none (None). `agreed_at` is the time of their agreement to marketing, `wished_at` the
    time of their last opt-out or opt-in, and `settled_at` the same once all names of the person have it. `linked_at` is
    when the name became the person's; of several numbers, messages go to the one that the person has used since.
    """

    __tablename__ = "contact"

    __table_args__ = (
        CheckConstraint("stopped IN ('everything', 'marketing')", name="stopped"),
        partial("ix_contact_retention", "wrote_at", where="wished_at IS NULL"),
        partial("ix_contact_linked", "linked_at", where="wished_at IS NULL AND wrote_at IS NULL"),
        Index("ix_contact_person", "person"),
        partial("ix_contact_unexamined", "recipient", where="person IS NULL"),
        partial("ix_contact_unsettled", "wished_at", where=UNSETTLED),
        partial("ix_contact_erased", "recipient", where=ERASED),
    )

    lane: str = Field(primary_key=True, max_length=40)
    recipient: str = Field(primary_key=True, max_length=135)
    wrote_at: datetime | None = None
    stopped: str | None = Field(default=None, max_length=10)
    agreed_at: datetime | None = None
    wished_at: datetime | None = None
    person: str | None = Field(default=None, max_length=40)
    settled_at: datetime | None = None
    linked_at: datetime | None = None


class ConsentRow(SQLModel, table=True):
    """The proof of one opt-out or opt-in: when and how it was given, in which words. Rows are only ever added.

    `recipient` is the name under which the person gave it.
    """

    __tablename__ = "consent"

    __table_args__ = (
        Index("ix_consent_recipient_lane", "recipient", "lane"),
        CheckConstraint("wish IN ('opt-out', 'opt-in')", name="wish"),
        CheckConstraint("category IN ('everything', 'marketing')", name="category"),
    )

    id: int | None = Field(default=None, primary_key=True)
    lane: str = Field(max_length=40)
    recipient: str = Field(max_length=135)
    at: datetime
    wish: str = Field(max_length=10)
    category: str = Field(max_length=10)
    how: str = Field(max_length=20)
    proof: str | None = Field(default=None, max_length=500)
