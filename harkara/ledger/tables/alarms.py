"""The tables of goals, alarms and the notices that people get of alarms."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter, partial


class GoalRow(SQLModel, table=True):
    """What was measured last for a goal, in a lane or, with an empty `lane`, in the whole deployment.

    `since` is when it was first missed, or first met again. `value` is null when there was nothing to judge.
    """

    __tablename__ = "goal"

    goal: str = Field(primary_key=True, max_length=20)
    lane: str = Field(primary_key=True, max_length=40)
    subject: str = Field(primary_key=True, max_length=60)
    value: float | None = Field(default=None, sa_type=Float)
    bound: float = Field(sa_type=Float)
    missed: bool
    since: datetime
    measured_at: datetime


class AlarmRow(SQLModel, table=True):
    """A goal that was missed, from the time when its alarm opened until it was met again.

    `value` is what was measured when the alarm opened, and `sentence` describes it.
    """

    __tablename__ = "alarm"

    __table_args__ = (
        partial("uq_alarm_open", "goal", "lane", "subject", where="closed_at IS NULL", unique=True),
        partial("ix_alarm_closed", "closed_at", where="closed_at IS NOT NULL"),
    )

    id: str = Field(primary_key=True, max_length=40)
    goal: str = Field(max_length=20)
    lane: str = Field(max_length=40)
    subject: str = Field(max_length=60)
    sentence: str = Field(max_length=400)
    value: float = Field(sa_type=Float)
    bound: float = Field(sa_type=Float)
    missed_since: datetime
    opened_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = Field(default=None, max_length=80)
    closed_at: datetime | None = None


class NoticeRow(SQLModel, table=True):
    """An alarm that has opened or closed, for one receiver.

    `receiver` is `whatsapp`, or a digest of the URL of another service. `done_at` is null until it has the notice.
    """

    __tablename__ = "notice"

    __table_args__ = (partial("ix_notice_open", "id", where="done_at IS NULL"),)

    id: int | None = Field(default=None, primary_key=True)
    alarm_id: str = Field(foreign_key="alarm.id", max_length=40)
    event: str = Field(max_length=20)
    receiver: str = Field(max_length=20)
    created_at: datetime
    done_at: datetime | None = None
    tries: int = counter()
