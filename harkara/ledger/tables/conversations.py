"""The table of conversations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter, partial


class ConversationRow(SQLModel, table=True):
    """The conversation with one person in one lane, from the person's first message or the first reply on.

    `last_at` is the time of the last message of the person or reply to them. `unread` counts the person's messages that
    are not read yet. The `revision` grows with each of them, each reply, each opt-out and opt-in, and each change of
    the person's names. Other outgoing messages do not touch the row. What was said is in `event` and `message`; names,
    window and consent are those of `contact`.
    """

    __tablename__ = "conversation"

    __table_args__ = (
        Index("ix_conversation_lane_last_at", "lane", "last_at", "person"),
        partial("ix_conversation_unread", "lane", "last_at", "person", where="unread > 0"),
    )

    lane: str = Field(primary_key=True, max_length=40)
    person: str = Field(primary_key=True, max_length=40)
    last_at: datetime
    unread: int = counter()
    revision: int = counter()
    name: str | None = Field(default=None, max_length=60)
