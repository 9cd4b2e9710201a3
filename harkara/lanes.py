"""A lane is one Chat Mitra account: its token, what it is allowed, and the hours at which it keeps quiet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from harkara.limits import Allowance


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end` of the lane's local time; may span midnight. The start is quiet, the end is not."""

    start: time
    end: time
    zone: ZoneInfo

    def seconds_left(self, now: datetime) -> float | None:
        """How long it stays quiet from `now`; None when it is not quiet."""
        local = now.astimezone(self.zone)
        clock = local.time()
        spans = self.start > self.end
        quiet = (clock >= self.start or clock < self.end) if spans else self.start <= clock < self.end
        if not quiet:
            return None
        day = local.date() + timedelta(days=1 if spans and clock >= self.start else 0)
        # Where the clock is set back an hour comes twice, and its second run has an end of its own.
        return datetime.combine(day, self.end.replace(fold=local.fold), self.zone).timestamp() - now.timestamp()

    def seconds_until(self, now: datetime) -> float:
        """How long until the next `start`, from a `now` that is not quiet."""
        local = now.astimezone(self.zone)
        day = local.date() + timedelta(days=1 if local.time() >= self.start else 0)
        return datetime.combine(day, self.start.replace(fold=local.fold), self.zone).timestamp() - now.timestamp()


@dataclass(frozen=True, slots=True)
class Lane:
    """What the sender knows of one account. `allowance` None is no limit, `quiet_hours` None is never quiet.

    `zone` is the one in which people there tell the time. Without a `webhook_secret` nothing is heard of its customers;
    `reengage` is the template that goes instead of a raw message outside the 24-hour window.
    """

    name: str
    token: str = field(repr=False)
    allowance: Allowance | None
    quiet_hours: QuietHours | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    webhook_secret: str | None = field(default=None, repr=False)
    reengage: str | None = None

    @property
    def webhooks_enabled(self) -> bool:
        """Whether this account has a secret, without which no webhook is accepted."""
        return bool(self.webhook_secret)
