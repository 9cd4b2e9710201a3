"""The table of campaigns: one template for an audience that no longer changes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter


class CampaignRow(SQLModel, table=True):
    """A template for a fixed audience; each of its messages has the campaign's id as `campaign_id` and as producer.

    A halt on that producer keeps the messages back before the start and during a pause.
    """

    __tablename__ = "campaign"

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
