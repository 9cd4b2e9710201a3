"""The tables of conversations and of the assistant's turns in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, text
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter, partial

ANSWERED = "outcome NOT IN ('superseded', 'failed')"
"""A turn that has answered a revision: there is one at most."""


class ConversationRow(SQLModel, table=True):
    """The conversation with one person in one lane, from the person's first message or the first reply on.

    `last_at` is the time of the last message of the person or reply to them. `unread` counts the person's messages that
    are not read yet. The `revision` grows with each of them, each reply, each opt-out and opt-in, and each change of
    the person's names or of `mode`. Other outgoing messages do not touch the row. What was said is in `event` and
    `message`; names, window and consent are those of `contact`.

    `mode` says who answers: the assistant, a person until `mode_until`, or `off` for a person alone. `mode_cause` is
    why, and `unanswered` counts the assistant's answers since the person's last message. `turn_due_at` is when the
    assistant answers what was said since `burst_at`; a worker that thinks about it has `lease_until` and `epoch`, as in
    `message`. `topic_at` is when the present topic began, and `greeted` whether the assistant has introduced itself in
    it. `reengaged_at` is when the person was asked, once, whether they still need help. `cost` is that of the model, in
    micros.
    """

    __tablename__ = "conversation"

    __table_args__ = (
        Index("ix_conversation_lane_last_at", "lane", "last_at", "person"),
        partial("ix_conversation_unread", "lane", "last_at", "person", where="unread > 0"),
        partial("ix_conversation_turn", "turn_due_at", where="turn_due_at IS NOT NULL"),
    )

    lane: str = Field(primary_key=True, max_length=40)
    person: str = Field(primary_key=True, max_length=40)
    last_at: datetime
    unread: int = counter()
    revision: int = counter()
    name: str | None = Field(default=None, max_length=60)

    mode: str = Field(default="assistant", max_length=10, sa_column_kwargs={"server_default": text("'assistant'")})
    mode_cause: str | None = Field(default=None, max_length=12)
    mode_since: datetime | None = None
    mode_until: datetime | None = None
    unanswered: int = counter()
    turn_due_at: datetime | None = None
    burst_at: datetime | None = None
    lease_until: datetime | None = None
    epoch: int = counter()
    topic_at: datetime | None = None
    greeted: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    cost: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    reengaged_at: datetime | None = None


class TurnRow(SQLModel, table=True):
    """One answer that the assistant proposed, to the `revision` of a conversation: the proof of why it was given.

    `content` is JSON with its texts and buttons; the retention erases it with `summary`. `message_id` is that of the
    message that was accepted. `price` is in micros. `decided_by` names the person who decided about a
    draft, and `decision` is `unchanged`, `edited` or `discarded`, or `dropped` when the conversation moves on before
    one is made; a draft without a decision waits while its revision is that of the conversation.
    """

    __tablename__ = "turn"

    __table_args__ = (
        CheckConstraint(
            "outcome IN ('sent', 'superseded', 'handed-over', 'draft', 'failed', 'shadow', 'silent')", name="outcome"
        ),
        partial("uq_turn_answered", "lane", "person", "revision", where=ANSWERED, unique=True),
        Index("ix_turn_person", "person", "lane", "id"),
        Index("ix_turn_lane_at", "lane", "at"),
        partial("ix_turn_draft", "lane", "id", where="outcome = 'draft'"),
        partial("ix_turn_retention", "at", where="content IS NOT NULL OR summary IS NOT NULL"),
    )

    id: str = Field(primary_key=True, max_length=40)
    lane: str = Field(max_length=40)
    person: str = Field(max_length=40)
    revision: int
    at: datetime
    outcome: str = Field(max_length=12)
    source: str = Field(max_length=10)
    citations: str | None = Field(default=None, max_length=1000)
    hand_over: str | None = Field(default=None, max_length=12)
    milliseconds: int = counter()
    tokens: int = counter()
    price: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    failure: str | None = Field(default=None, max_length=200)
    content: str | None = Field(default=None, sa_type=Text)
    summary: str | None = Field(default=None, sa_type=Text)
    message_id: str | None = Field(default=None, max_length=40)
    decided_by: str | None = Field(default=None, max_length=80)
    decision: str | None = Field(default=None, max_length=10)
