"""The table of campaigns: one template for an audience that no longer changes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Text, text
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter


class CampaignRow(SQLModel, table=True):
    """A template for a fixed audience; each of its messages has the campaign's id as `campaign_id` and as producer.

    A halt on that producer keeps the messages back before the start and during a pause. The messages of later stages
    have producers of their own (`harkara.campaigns.steps.producer`), which are halted until their stage; `stage` is the
    present one, since `stage_at`. `stop_loss` is in micros of `currency`, `answer_days` is how long answers count for
    the `effect`, and `parent_id` the campaign whose failed recipients this one has. `deleted` counts the messages that
    the history has deleted, and `deleted_results` and `deleted_recipients` are JSON with their sums
    (`campaigns/deleted_messages.py`). `counts` is JSON with the sums of all messages of a large campaign at
    `counted_at`, and `count_due_at` the time of the next count (`campaigns/counts.py`). Its messages have ids from
    `first_id` to `last_id`, which are null at first for a campaign that an earlier release has loaded.
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
    steps: str | None = Field(default=None, sa_type=Text)
    stage: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    stages: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    stage_at: datetime | None = None
    stop_loss: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = Field(default=None, max_length=3)
    answer_days: int | None = None
    effect: str | None = Field(default=None, sa_type=Text)
    parent_id: str | None = Field(default=None, max_length=40)
    deleted: int = counter()
    deleted_results: str | None = Field(default=None, sa_type=Text)
    deleted_recipients: str | None = Field(default=None, sa_type=Text)
    counts: str | None = Field(default=None, sa_type=Text)
    counted_at: datetime | None = None
    count_due_at: datetime | None = None
    first_id: str | None = Field(default=None, max_length=40)
    last_id: str | None = Field(default=None, max_length=40)
