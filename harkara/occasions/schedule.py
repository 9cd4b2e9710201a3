"""The schedule of an occasion's reminders, a pure function of its time, its rules and the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from harkara.errors import Invalid
from harkara.lanes import QuietHours
from harkara.occasions.rules import Offset, Rule

SkipCode = Literal["too-late", "no-longer-useful", "quiet-hours", "overtaken", "parameters"]

REASONS: Final[Mapping[SkipCode, str]] = {
    "too-late": "The time in which this reminder is useful has passed.",
    "no-longer-useful": "This reminder is due after its useful time: check the occasion's time and the rule.",
    "quiet-hours": "This reminder is due in quiet hours, and its rule allows no other time at which it is useful.",
    "overtaken": "A reminder nearer to the occasion is due before this one could be sent, and one is enough.",
    "parameters": "The occasion's parameters do not fit the template: save the occasion again with valid parameters.",
}

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PlannedReminder:
    """The reminder of `rule` is sent from `due_at` on, and never at or after `expires_at`; both are in UTC."""

    rule: str
    template: str
    due_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SkippedReminder:
    """The reminder of `rule` is not sent. `code` is stable, `reason` is a sentence for people."""

    rule: str
    code: SkipCode

    @property
    def reason(self) -> str:
        return REASONS[self.code]


def schedule(
    at: datetime, zone: ZoneInfo, rules: Mapping[str, Rule], now: datetime, quiet_hours: QuietHours | None
) -> list[PlannedReminder | SkippedReminder]:
    """Return one result for each rule, in the order of their due times before any delay.

    `at` is the occasion's time. `zone` defines its calendar days. `quiet_hours` are the lane's, in the lane's zone.

    Guarantees for planned reminders: now <= due_at < expires_at <= latest useful time <= at. Due times increase. None
    lies in quiet hours, unless its rule ignores them. With a later `now` alone, no reminder is added and none moves to
    an earlier time. The schedule does not know which reminders were sent. Raises Invalid for a naive time.
    """
    at, now = _in_utc("at", at), _in_utc("now", now)
    specs = [_spec(name, rule, at, zone, quiet_hours) for name, rule in rules.items()]
    specs.sort(key=lambda spec: (spec.preferred, spec.name))
    results: list[PlannedReminder | SkippedReminder] = []
    next_due = at  # the earliest due time of the reminders that are nearer to the occasion
    for spec in reversed(specs):
        results.append(_result(spec, now, next_due))
        if isinstance(spec.due, datetime):
            next_due = min(next_due, spec.due)
    return results[::-1]


@dataclass(frozen=True, slots=True)
class _ReminderSpec:
    """What a rule asks for at this occasion, independent of the current time.

    `preferred` is the rule's own time, `due` that time moved out of quiet hours, or why there is none.
    """

    name: str
    template: str
    preferred: datetime
    until: datetime
    quiet: QuietHours | None
    due: datetime | SkipCode


def _in_utc(name: str, moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise Invalid(name, "has no time zone; add one, such as tzinfo=UTC")
    return moment.astimezone(UTC)


def _spec(name: str, rule: Rule, at: datetime, zone: ZoneInfo, quiet_hours: QuietHours | None) -> _ReminderSpec:
    earliest = _moment(rule.not_before, at, zone)
    preferred = max(earliest, _moment(rule.offset, at, zone, rule.at))
    until = _moment(rule.useful_until, at, zone)
    quiet = None if rule.quiet == "ignore" else quiet_hours
    due = _outside_quiet_hours(rule.quiet, preferred, earliest, until, quiet)
    return _ReminderSpec(name, rule.template, preferred, until, quiet, due)


def _moment(offset: Offset, at: datetime, zone: ZoneInfo, clock: time | None = None) -> datetime:
    if offset.unit == "seconds":
        return at + timedelta(seconds=offset.amount)
    return resolve(at.astimezone(zone).date() + timedelta(days=offset.amount), clock or time(), zone)


def resolve(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return a local time in UTC.

    Of two moments with this local time it is the first. For a local time that the clock skips it is the end of the gap.
    """
    local = datetime.combine(day, clock, zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone) != local:  # within one zone, == compares local times: the clock never shows `local`
        offset = moment.astimezone(zone).utcoffset()
        while (moment - _MINUTE).astimezone(zone).utcoffset() == offset:
            moment -= _MINUTE
    return moment


def _outside_quiet_hours(
    policy: str, preferred: datetime, earliest: datetime, until: datetime, quiet: QuietHours | None
) -> datetime | SkipCode:
    if preferred >= until:
        return "no-longer-useful"
    if quiet is None or quiet.seconds_left(preferred) is None:
        return preferred
    before, after = _before(preferred, quiet), _after(preferred, quiet)
    moved = {"earlier": [before], "later": [after], "either": [before, after], "skip": []}[policy]
    return next((moment for moment in moved if earliest <= moment < until), "quiet-hours")


def _before(moment: datetime, quiet: QuietHours) -> datetime:
    """Return the last minute before the quiet hours that contain the moment."""
    today = moment.astimezone(quiet.zone).date()
    starts = (resolve(day, quiet.start, quiet.zone) for day in (today, today - _DAY))
    return next(start for start in starts if start <= moment) - _MINUTE


def _after(moment: datetime, quiet: QuietHours | None) -> datetime:
    """Return the end of the quiet hours that contain the moment, or the moment itself outside quiet hours."""
    left = quiet.seconds_left(moment) if quiet else None
    return moment + timedelta(seconds=left or 0)


def _result(spec: _ReminderSpec, now: datetime, next_due: datetime) -> PlannedReminder | SkippedReminder:
    if not isinstance(spec.due, datetime):
        return SkippedReminder(spec.name, spec.due)
    if now >= spec.until:
        return SkippedReminder(spec.name, "too-late")
    due = spec.due if spec.due >= now else _after(now, spec.quiet)
    if due >= spec.until:
        return SkippedReminder(spec.name, "quiet-hours")
    if due >= next_due:
        return SkippedReminder(spec.name, "overtaken")
    return PlannedReminder(spec.name, spec.template, due, spec.until)
