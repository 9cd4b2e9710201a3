"""The tables of what arrives at least once: entries that were applied, and entries that could not be."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter


class AppliedEntryRow(SQLModel, table=True):
    """An entry whose repeat nothing else would recognize; `id` is its source and its id there."""

    __tablename__ = "applied_entry"

    __table_args__ = (Index("ix_applied_entry_at", "at"),)

    id: str = Field(primary_key=True, max_length=120)
    at: datetime


class DeadLetterRow(SQLModel, table=True):
    """An entry that could not be applied, with the class and the sentence of its error.

    `content` is what a retry needs, or None for an entry that the ledger has anyway. The retention erases it.
    """

    __tablename__ = "dead_letter"

    __table_args__ = (
        Index("uq_dead_letter_source_entry", "source", "entry", unique=True),
        Index("ix_dead_letter_created_at", "created_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    source: str = Field(max_length=20)
    entry: str = Field(max_length=80)
    kind: str = Field(max_length=40)
    error: str = Field(max_length=80)
    reason: str = Field(max_length=1000)
    content: str | None = Field(default=None, sa_type=Text)
    created_at: datetime
    tries: int = counter()
