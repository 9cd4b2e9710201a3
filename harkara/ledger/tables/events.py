"""The table of webhook events."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter, partial

UNLISTED = "state = 'folded' AND about = 'received' AND sender IS NULL AND body IS NOT NULL"
"""A message of a customer that a release without conversations has applied."""


class EventRow(SQLModel, table=True):
    """One event of a webhook: stored before the webhook is answered, applied to the ledger later.

    Two deliveries of the same event have the same `identity`. `about` is the event's kind, `body` its JSON, which is
    removed once a status has been applied. `webhook_digest` is the SHA-256 of the signed webhook, byte by byte; it is
    null in rows of earlier releases. `sender` is the name under which a customer wrote, once their message is applied;
    it is empty for what is applied and no message. For a message that staff typed in the provider's dashboard it is
    the name of the recipient.
    """

    __tablename__ = "event"

    __table_args__ = (
        Index("uq_event_identity_lane", "identity", "lane", unique=True),
        CheckConstraint("state IN ('new', 'folded', 'orphan', 'unknown')", name="state"),
        partial("ix_event_due", "due_at", where="state = 'new'"),
        partial("ix_event_heard", "due_at", where="state = 'new' AND about = 'received'"),
        partial("ix_event_sender", "sender", "lane", "id", where="sender IS NOT NULL"),
        partial("ix_event_unlisted", "id", where=UNLISTED),
        Index("ix_event_lane_received_at", "lane", "received_at"),
        partial("ix_event_message_id", "message_id", where="message_id IS NOT NULL"),
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
    sender: str | None = Field(default=None, max_length=135)
    webhook_digest: str | None = Field(default=None, max_length=64)
