"""Lanes: Chat Mitra accounts with their tokens, allowances and quiet hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from harkara.limits import Allowance


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The time from `start` to `end`, local in `zone`. It may span midnight, and it excludes `end` itself."""

    start: time
    end: time
    zone: ZoneInfo

    def seconds_left(self, now: datetime) -> float | None:
        """Return the seconds from `now` to the end of the quiet hours, None outside quiet hours."""
        local = now.astimezone(self.zone)
        clock = local.time()
        spans = self.start > self.end
        quiet = (clock >= self.start or clock < self.end) if spans else self.start <= clock < self.end
        if not quiet:
            return None
        day = local.date() + timedelta(days=1 if spans and clock >= self.start else 0)
        # When the clock is set back, an hour occurs twice: `fold` keeps the end in the same run of it as `now`.
        return datetime.combine(day, self.end.replace(fold=local.fold), self.zone).timestamp() - now.timestamp()

    def seconds_until(self, now: datetime) -> float:
        """Return the seconds from `now`, outside quiet hours, to the next `start`."""
        local = now.astimezone(self.zone)
        day = local.date() + timedelta(days=1 if local.time() >= self.start else 0)
        return datetime.combine(day, self.start.replace(fold=local.fold), self.zone).timestamp() - now.timestamp()


@dataclass(frozen=True, slots=True)
class Lane:
    """One account. Without an `allowance` it has no limit, without `quiet_hours` it sends at any hour.

    `zone` is the local time zone of its customers. Without a `webhook_secret` its webhooks are refused. `reengage` is
    the name of the template that replaces a raw message outside the 24-hour window. `number` is the account's own
    number in digits: a message from it is no customer's.
    """

    name: str
    token: str = field(repr=False)
    allowance: Allowance | None
    quiet_hours: QuietHours | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    webhook_secret: str | None = field(default=None, repr=False)
    reengage: str | None = None
    number: str | None = field(default=None, repr=False)

    @property
    def webhooks_enabled(self) -> bool:
        """Whether this account has a secret, without which no webhook is accepted."""
        return bool(self.webhook_secret)
