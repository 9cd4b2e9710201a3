"""People: what Chat Mitra tells of them, what they want, and what the application hears of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter, partial


class Event(SQLModel, table=True):
    """One event of a webhook, kept before the webhook is answered, and folded into the ledger later.

    `identity` is what two deliveries of the same event have in common. `body` is the event's JSON.
    """

    __table_args__ = (
        Index("uq_event_identity_lane", "identity", "lane", unique=True),
        CheckConstraint("state IN ('new', 'folded', 'orphan', 'unknown')", name="state"),
        partial("ix_event_due", "due_at", where="state = 'new'"),
        partial("ix_event_heard", "due_at", where="state = 'new' AND about = 'received'"),
        Index("ix_event_lane_received_at", "lane", "received_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    lane: str = Field(max_length=40)
    identity: str = Field(max_length=32)
    about: str = Field(max_length=40)
    body: str | None = Field(default=None, sa_type=Text)
    state: str = Field(max_length=10)
    message_id: str | None = Field(default=None, max_length=40)
    at: datetime
    received_at: datetime
    due_at: datetime
    tries: int = counter()


class Contact(SQLModel, table=True):
    """A person as an account knows them: when they last wrote, and what they do not want any more.

    `stopped` is what is not sent to them: everything, marketing alone, or nothing of that (None). `agreed_at` is since
    when they want marketing, `wished_at` when they last said either.
    """

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


class Consent(SQLModel, table=True):
    """The proof of one opt-out or opt-in: when, how, and by which words. Only ever appended to."""

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


class Callback(SQLModel, table=True):
    """Something that the application is told: a webhook of ours, due until it was taken or its day is over.

    `subject` is the id of the message, event or occasion that it is about. `data` is what is told, and goes when it has
    been. While a worker carries it, `due_at` lies ahead: that is its lease.
    """

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
