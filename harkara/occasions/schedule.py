"""The schedule of an occasion's reminders, a pure function of its time, its status, its rules and the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from harkara.lanes import QuietHours
from harkara.messages.validation import field_path
from harkara.occasions.local_time import Span
from harkara.occasions.rules import ClosedStatus, Offset, Origin, Rule
from harkara.times import resolve, to_utc

SkipCode = Literal[
    "too-late", "no-longer-useful", "quiet-hours", "overtaken", "parameters", "other-status", "whole-day"
]

REASONS: Final[Mapping[SkipCode, str]] = {
    "too-late": "The time in which this reminder is useful has passed.",
    "no-longer-useful": "This reminder is due after its useful time: check the occasion's time and the rule.",
    "quiet-hours": "This reminder is due in quiet hours, and its rule allows no other time at which it is useful.",
    "overtaken": "A later reminder is due before this one could be sent, and one is enough.",
    "parameters": "The occasion's parameters do not fit the template: save the occasion again with valid parameters.",
    "other-status": "This reminder is for occasions with another status: `while` in its rule lists which.",
    "whole-day": "This reminder is for a time of the day, and the occasion is a whole day.",
}

_LEAD = timedelta(minutes=30)
"""How long before quiet hours a reminder is due that they move to an earlier time.

All those of an evening are due then. At 20 messages a minute, 600 of them are sent before the quiet hours; the others
would wait for their end, when most of these reminders are too late.
"""

_DAY = timedelta(days=1)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Ending(NamedTuple):
    """How an occasion ended, and when the ledger recorded that."""

    status: ClosedStatus
    at: datetime
    reason: str | None = None


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
    origin: Origin = "at"

    @property
    def reason(self) -> str:
        return REASONS[self.code]


def schedule(
    at: datetime,
    zone: ZoneInfo,
    rules: Mapping[str, Rule],
    now: datetime,
    quiet_hours: QuietHours | None,
    ending: Ending | None = None,
    at_once: str | None = None,
) -> list[PlannedReminder | SkippedReminder]:
    """Return one result for each rule: first those for another status, then in the order of their preferred times.

    `at` is the occasion's time. `zone` defines its calendar days. `quiet_hours` are the lane's, in the lane's zone.
    `ending` is None for an open occasion. `at_once` is a rule of `useful_now`, whose reminder is due now.

    Guarantees for planned reminders: now <= due_at < expires_at <= latest useful time. Due times increase. None lies in
    quiet hours, unless its rule ignores them. With a later `now` alone, no reminder is added and none moves to an
    earlier time. The schedule does not know which reminders were sent. Raises Invalid for a naive time.
    """
    at, now = _in_utc("at", at), _in_utc("now", now)
    status = ending.status if ending else "open"
    applies = {name: rule for name, rule in rules.items() if status in rule.status}
    specs = [_spec(name, rule, _origin(rule, at, zone, ending), zone, quiet_hours) for name, rule in applies.items()]
    specs = [replace(spec, due=now) if spec.name == at_once else spec for spec in specs]
    specs.sort(key=lambda spec: (spec.preferred, spec.name))
    results: list[PlannedReminder | SkippedReminder] = []
    next_due = _NEVER  # the earliest due time of the later reminders
    for spec in reversed(specs):
        results.append(_result(spec, now, next_due))
        if isinstance(spec.due, datetime):
            next_due = min(next_due, spec.due)
    others = sorted(rules.keys() - applies.keys())
    return [SkippedReminder(name, "other-status", rules[name].origin) for name in others] + results[::-1]


def useful_now(
    at: datetime, zone: ZoneInfo, rules: Mapping[str, Rule], now: datetime, quiet_hours: QuietHours | None
) -> list[str]:
    """Return the rules whose reminder makes sense now for an open occasion, the best first: due nearest to now.

    In quiet hours these are the rules that ignore them.
    """
    open_rules = {name: rule for name, rule in rules.items() if "open" in rule.status and rule.origin == "at"}
    found: dict[str, timedelta] = {}
    for name, rule in open_rules.items():
        spec = _spec(name, rule, _origin(rule, at, zone, None), zone, quiet_hours)
        silent = spec.quiet is not None and spec.quiet.seconds_left(now) is not None
        if _moment(rule.not_before, Span.from_at(at, zone), zone) <= now < spec.until and not silent:
            found[name] = abs(spec.preferred - now)
    return sorted(found, key=lambda name: (found[name], name))


def preferred_time(rule: Rule, at: datetime, zone: ZoneInfo) -> datetime:
    """Return when the rule sends without quiet hours and delays; an occasion that is to be closed ends at `at`."""
    return _moment(rule.offset, Span.from_at(at, zone), zone, rule.at)


@dataclass(frozen=True, slots=True)
class _ReminderSpec:
    """What a rule asks for at this occasion, independent of the current time.

    `preferred` is the rule's own time, `due` that time moved out of quiet hours, or why there is none.
    """

    name: str
    rule: Rule
    preferred: datetime
    until: datetime
    quiet: QuietHours | None
    due: datetime | SkipCode


class _Origin(NamedTuple):
    """What a rule counts from, and the last moment at which its reminder makes sense at all."""

    span: Span
    last: datetime = _NEVER


def _origin(rule: Rule, at: datetime, zone: ZoneInfo, ending: Ending | None) -> _Origin:
    span = Span.from_at(at, zone)
    if ending is None or rule.origin == "at":
        return _Origin(span)
    # After its time, the customer needs no message that an occasion will not happen.
    last = span.end if ending.status == "cancelled" else _NEVER
    return _Origin(Span.from_at(ending.at.replace(microsecond=0), zone), last)


def _in_utc(name: str, moment: datetime) -> datetime:
    with field_path(name):
        return to_utc(moment)


def _spec(name: str, rule: Rule, origin: _Origin, zone: ZoneInfo, quiet_hours: QuietHours | None) -> _ReminderSpec:
    earliest = _moment(rule.not_before, origin.span, zone)
    preferred = max(earliest, _moment(rule.offset, origin.span, zone, rule.at))
    until = min(_moment(rule.useful_until, origin.span, zone), origin.last)
    quiet = None if rule.quiet == "ignore" else quiet_hours
    due = _outside_quiet_hours(rule.quiet, preferred, earliest, until, quiet)
    return _ReminderSpec(name, rule, preferred, until, quiet, due)


def _moment(offset: Offset, span: Span, zone: ZoneInfo, clock: time | None = None) -> datetime:
    """Return a moment relative to the span: before its start, or after its end; days count from its date."""
    if offset.unit == "seconds":
        return (span.start if offset.amount < 0 else span.end) + timedelta(seconds=offset.amount)
    return resolve(span.day + timedelta(days=offset.amount), clock or time(), zone)


def _outside_quiet_hours(
    policy: str, preferred: datetime, earliest: datetime, until: datetime, quiet: QuietHours | None
) -> datetime | SkipCode:
    if preferred >= until:
        return "no-longer-useful"
    if quiet is None or quiet.seconds_left(preferred) is None:
        return preferred
    before, after = _before(preferred, earliest, quiet), _after(preferred, quiet)
    moved: dict[str, list[datetime | None]]
    moved = {"earlier": [before], "later": [after], "either": [before, after], "skip": []}
    return next((moment for moment in moved[policy] if moment and earliest <= moment < until), "quiet-hours")


def _before(moment: datetime, earliest: datetime, quiet: QuietHours) -> datetime | None:
    """Return a time before the quiet hours that contain the moment, and not before `earliest`; None without any."""
    today = moment.astimezone(quiet.zone).date()
    starts = (resolve(day, quiet.start, quiet.zone) for day in (today, today - _DAY))
    start = next(start for start in starts if start <= moment)
    before = _after(max(start - _LEAD, earliest), quiet)
    return before if before < start else None


def _after(moment: datetime, quiet: QuietHours | None) -> datetime:
    """Return the end of the quiet hours that contain the moment, or the moment itself outside quiet hours."""
    left = quiet.seconds_left(moment) if quiet else None
    return moment + timedelta(seconds=left or 0)


def _result(spec: _ReminderSpec, now: datetime, next_due: datetime) -> PlannedReminder | SkippedReminder:
    if not isinstance(spec.due, datetime):
        return _skipped(spec, spec.due)
    if now >= spec.until:
        return _skipped(spec, "too-late")
    due = spec.due if spec.due >= now else _after(now, spec.quiet)
    if due >= spec.until:
        return _skipped(spec, "quiet-hours")
    if due >= next_due:
        return _skipped(spec, "overtaken")
    return PlannedReminder(spec.name, spec.rule.template, due, spec.until)


def _skipped(spec: _ReminderSpec, code: SkipCode) -> SkippedReminder:
    return SkippedReminder(spec.name, code, spec.rule.origin)
