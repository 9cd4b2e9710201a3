"""When each reminder of an occasion goes, calculated from its time, its rules and the clock, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from harkara.errors import Invalid
from harkara.lanes import QuietHours
from harkara.occasions.rules import Offset, Rule

Code = Literal["too-late", "no-longer-useful", "quiet-hours", "overtaken", "parameters"]

REASONS: Final[Mapping[Code, str]] = {
    "too-late": "The time in which this reminder helps is over.",
    "no-longer-useful": "Its own time comes after the time in which it helps: check the occasion's hour and the rule.",
    "quiet-hours": "It would have to go in quiet hours, and its rule leaves it no other time at which it helps.",
    "overtaken": "By the time it would go, a reminder nearer to the occasion has its turn, and one is enough.",
    "parameters": "The occasion's parameters do not fill its template: save the occasion again with those that do.",
}

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """The reminder `rule` goes from `due_at` on, and never at or after `expires_at`; both are aware, in UTC."""

    rule: str
    template: str
    due_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Skipped:
    """The reminder `rule` does not go: a code for machines, and as `reason` a sentence for people."""

    rule: str
    code: Code

    @property
    def reason(self) -> str:
        return REASONS[self.code]


def schedule(
    at: datetime, zone: ZoneInfo, rules: Mapping[str, Rule], now: datetime, quiet_hours: QuietHours | None
) -> list[Planned | Skipped]:
    """One answer for each rule, in the order of their own times, the one nearest to the occasion last.

    `at` is the occasion's time, `zone` the one whose calendar counts; `quiet_hours` are the lane's, in its own zone.
    For what is planned holds: now <= due_at < expires_at <= latest useful time <= at, each due time is later than the
    one before it, and none lies in quiet hours unless its rule ignores them. Asked again later, with nothing else
    changed, it plans no reminder that it did not plan before, and none for an earlier time; but what has gone since,
    it cannot know. Raises Invalid for a time without a zone.
    """
    at, now = _in_utc("at", at), _in_utc("now", now)
    wishes = [_wish(name, rule, at, zone, quiet_hours) for name, rule in rules.items()]
    wishes.sort(key=lambda wish: (wish.own, wish.name))
    answers: list[Planned | Skipped] = []
    turn = at  # when the first of the reminders nearer to the occasion has its turn
    for wish in reversed(wishes):
        answers.append(_answer(wish, now, turn))
        if isinstance(wish.goes, datetime):
            turn = min(turn, wish.goes)
    return answers[::-1]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a rule asks for at this occasion, whatever the time is now."""

    name: str
    template: str
    own: datetime
    until: datetime
    quiet: QuietHours | None
    goes: datetime | Code


def _in_utc(name: str, moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise Invalid(name, "has no time zone; add one, such as tzinfo=UTC")
    return moment.astimezone(UTC)


def _wish(name: str, rule: Rule, at: datetime, zone: ZoneInfo, quiet_hours: QuietHours | None) -> _Wish:
    earliest = _moment(rule.not_before, at, zone)
    own = max(earliest, _moment(rule.offset, at, zone, rule.at))
    until = _moment(rule.useful_until, at, zone)
    quiet = None if rule.quiet == "ignore" else quiet_hours
    return _Wish(name, rule.template, own, until, quiet, _goes(rule.quiet, own, earliest, until, quiet))


def _moment(offset: Offset, at: datetime, zone: ZoneInfo, clock: time | None = None) -> datetime:
    if offset.unit == "seconds":
        return at + timedelta(seconds=offset.amount)
    return resolve(at.astimezone(zone).date() + timedelta(days=offset.amount), clock or time(), zone)


def resolve(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """A local time in UTC: the first of two where the clock is set back, the end of the gap where it leaps over it."""
    local = datetime.combine(day, clock, zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone) != local:  # within one zone this compares what the clock shows: it never shows `local`
        offset = moment.astimezone(zone).utcoffset()
        while (moment - _MINUTE).astimezone(zone).utcoffset() == offset:
            moment -= _MINUTE
    return moment


def _goes(policy: str, own: datetime, earliest: datetime, until: datetime, quiet: QuietHours | None) -> datetime | Code:
    if own >= until:
        return "no-longer-useful"
    if quiet is None or quiet.seconds_left(own) is None:
        return own
    before, after = _before(own, quiet), _after(own, quiet)
    moved = {"earlier": [before], "later": [after], "either": [before, after], "skip": []}[policy]
    return next((moment for moment in moved if earliest <= moment < until), "quiet-hours")


def _before(moment: datetime, quiet: QuietHours) -> datetime:
    """The last minute before the quiet hours in which the moment lies."""
    today = moment.astimezone(quiet.zone).date()
    starts = (resolve(day, quiet.start, quiet.zone) for day in (today, today - _DAY))
    return next(start for start in starts if start <= moment) - _MINUTE


def _after(moment: datetime, quiet: QuietHours | None) -> datetime:
    """The end of the quiet hours in which the moment lies; the moment itself when it is not quiet."""
    left = quiet.seconds_left(moment) if quiet else None
    return moment + timedelta(seconds=left or 0)


def _answer(wish: _Wish, now: datetime, turn: datetime) -> Planned | Skipped:
    if not isinstance(wish.goes, datetime):
        return Skipped(wish.name, wish.goes)
    if now >= wish.until:
        return Skipped(wish.name, "too-late")
    due = wish.goes if wish.goes >= now else _after(now, wish.quiet)
    if due >= wish.until:
        return Skipped(wish.name, "quiet-hours")
    if due >= turn:
        return Skipped(wish.name, "overtaken")
    return Planned(wish.name, wish.template, due, wish.until)
