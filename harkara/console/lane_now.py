"""What the page Now shows of a lane."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Self

from harkara.campaigns.rehearsal import rehearse
from harkara.console.charts import Chart, Series, line, stacked_columns
from harkara.console.languages import N_, Language
from harkara.console.parts import Console
from harkara.errors import Invalid
from harkara.lanes import Lane
from harkara.ledger.campaigns.next_stages import NextStage, list_next_stages
from harkara.ledger.database import Database
from harkara.ledger.halts import HaltStatus, list_halts
from harkara.ledger.messages.listing import count_messages
from harkara.ledger.messages.search import Count, MessageFilter
from harkara.ledger.messages.traffic import (
    PRIORITIES,
    DueMessages,
    Hour,
    due_by_priority,
    planned_by_hour,
    posts_by_minute,
)
from harkara.limits import Allowance
from harkara.states import State

MINUTES: Final = 60
HOURS: Final = 24

MARKETING: Final = 3
NAMES: Final = (N_("One-time codes"), N_("Replies"), N_("Reminders and notices"), N_("Marketing"))
"""The messages of each priority; an application may give a message another one."""


class BacklogEnd(NamedTuple):
    """When what is due now has gone. `at` is None after more than a year; not `exact`: no sooner than that."""

    at: datetime | None
    exact: bool


@dataclass(frozen=True, slots=True)
class LaneNow:
    """A lane as it is now. `backlog_end` is None while nothing is due or the lane is halted.

    `in_last_minute` is None if the lane POSTs more than is counted. `planned` counts the messages of the chart.
    """

    name: str
    allowance: Allowance | None
    halt: HaltStatus | None
    """The halt of the whole lane."""
    paused_templates: Sequence[HaltStatus]
    rate: Chart
    in_last_minute: int | None
    waiting: Count
    due: Sequence[DueMessages]
    backlog_end: BacklogEnd | None
    hours: Chart
    planned: Count
    next_stages: Sequence[NextStage]
    """The stages of running campaigns that begin by themselves: no message of theirs is due before."""

    @property
    def per_minute(self) -> float | None:
        """The messages that the allowance permits in a minute, None without one."""
        return self.allowance.count * 60 / self.allowance.window if self.allowance else None


def lanes_now(console: Console, names: Collection[str], language: Language) -> Iterator[LaneNow]:
    """Yield these lanes as they are now. Raises Unavailable."""
    db, now = console.db, console.db.now().astimezone(console.zone)
    halts, due = list_halts(db), due_by_priority(db, names)
    stages = list_next_stages(db, names)
    axes = _Axes.until(now, language)
    for name, lane in console.files().lanes.items():
        if name in names:
            of_lane = [each for each in halts if each.lane == name]
            of_campaigns = [each for each in stages if each.lane == name]
            due_here = [each for each in due if each.lane == name]
            yield _lane_now(db, lane, axes, language, of_lane, due_here, of_campaigns)


def _lane_now(
    db: Database,
    lane: Lane,
    axes: _Axes,
    language: Language,
    halts: Sequence[HaltStatus],
    due: Sequence[DueMessages],
    next_stages: Sequence[NextStage],
) -> LaneNow:
    posts = posts_by_minute(db, lane.name, axes.minute, MINUTES)
    hours = planned_by_hour(db, lane.name, axes.hour, HOURS)
    planned = [sum(each) for each in hours if each]
    halt = next((each for each in halts if each.template is None and each.state != "probing"), None)
    return LaneNow(
        name=lane.name,
        allowance=lane.allowance,
        halt=halt,
        paused_templates=[each for each in halts if each.template],
        rate=_rate_chart(posts, axes, lane, language),
        in_last_minute=posts[-1],
        waiting=count_messages(db, MessageFilter(lane=lane.name, states=[State.WAITING])),
        due=due,
        backlog_end=None if halt or not due else backlog_end(due, lane, axes.now),
        hours=_hours_chart(hours, axes, lane, language),
        planned=Count(sum(planned), len(planned) == HOURS),
        next_stages=next_stages,
    )


def backlog_end(due: Sequence[DueMessages], lane: Lane, now: datetime) -> BacklogEnd:
    """Return when the lane has sent what is due now, at its pace and outside its quiet hours."""
    urgent = sum(each.number.number for each in due if each.priority < MARKETING)
    marketing = sum(each.number.number for each in due if each.priority >= MARKETING)
    exact = all(each.number.exact for each in due)
    try:
        if marketing:
            forecast = rehearse(marketing, "marketing", now, lane.allowance, lane.quiet_hours, others=[now] * urgent)
        else:
            forecast = rehearse(urgent, "utility", now, lane.allowance)
    except Invalid:
        return BacklogEnd(None, exact)
    return BacklogEnd(forecast.ends_at, exact)


class _Axes(NamedTuple):
    """The first minute and hour of the charts of every lane, and the labels of the others."""

    now: datetime
    minute: datetime
    hour: datetime
    minutes: Sequence[str]
    hours: Sequence[str]

    @classmethod
    def until(cls, now: datetime, language: Language) -> Self:
        """Return those of this moment, in its zone."""
        minute = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES)
        hour = now.replace(minute=0, second=0, microsecond=0)
        minutes = [language.clock(minute + timedelta(minutes=place)) for place in range(MINUTES)]
        hours = [language.hour(hour + timedelta(hours=place)) for place in range(HOURS)]
        return cls(now, minute, hour, minutes, hours)


def _rate_chart(posts: Sequence[int | None], axes: _Axes, lane: Lane, language: Language) -> Chart:
    sent = Series(language.texts.gettext(N_("Messages a minute")), posts)
    return line(axes.minutes, sent, _limit(lane, 60, MINUTES, language))


def _hours_chart(hours: Sequence[Hour | None], axes: _Axes, lane: Lane, language: Language) -> Chart:
    series = [
        Series(language.texts.gettext(name), [each[priority] if each else None for each in hours])
        for priority, name in zip(PRIORITIES, NAMES, strict=True)
    ]
    return stacked_columns(axes.hours, series, _limit(lane, 3600, HOURS, language))


def _limit(lane: Lane, seconds: int, places: int, language: Language) -> Series | None:
    if lane.allowance is None:
        return None
    most = lane.allowance.count * seconds / lane.allowance.window
    return Series(language.texts.gettext(N_("Allowance")), [most] * places)
