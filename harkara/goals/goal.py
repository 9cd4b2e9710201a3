"""A goal: what is measured, the limit, and the sentence that people read when it is missed."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from harkara.goals.duration import FileDuration, format_seconds

Share = Annotated[float, Field(gt=0, le=1)]
Number = Annotated[int, Field(strict=True, ge=0)]
Fewest = Annotated[int, Field(ge=1)]
"""With fewer of what is measured, there is nothing to judge."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured for a goal; None when there was nothing to judge, which misses no goal.

    `lane` is empty for the whole deployment. `subject` names what a lane or the deployment has several of, such as the
    host of a disk or the campaign of a budget; it has at most 60 characters and is no personal data.
    """

    goal: str
    value: float | None
    lane: str = ""
    subject: str = ""


class Goal(BaseModel):
    """One section of the file of goals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    next_step: ClassVar[str]
    unit: ClassVar[str]
    """Of what is measured, as Grafana names it: s, percentunit or short."""
    at_least: ClassVar[bool] = False

    @property
    @abstractmethod
    def limit(self) -> float:
        """The most that meets the goal; of a goal with `at_least`, the least."""

    def is_missed(self, value: float | None) -> bool:
        if value is None:
            return False
        return value < self.limit if self.at_least else value > self.limit

    @abstractmethod
    def sentence(self, value: float) -> str:
        """Return what was measured and the limit, as a sentence."""


class LongestGoal(Goal):
    """A goal for a time, at most `most`."""

    unit = "s"

    most: FileDuration

    @property
    def limit(self) -> float:
        return self.most.total_seconds()

    @property
    def _most(self) -> str:
        return format_seconds(self.limit)


class LargestShareGoal(Goal):
    """A goal for a share, at most `most`."""

    unit = "percentunit"

    most: Share

    @property
    def limit(self) -> float:
        return self.most


class LargestNumberGoal(Goal):
    """A goal for a number, at most `most`."""

    unit = "short"

    most: Number

    @property
    def limit(self) -> float:
        return self.most


class SlowestGoal(LongestGoal):
    """A goal for the time in which this `share` of what is measured in the `period` is done."""

    measured: ClassVar[str]
    """What takes the time, in the plural."""

    share: Share = 0.95
    period: FileDuration
    fewest: Fewest = 20

    def sentence(self, value: float) -> str:
        share, took = percent(self.share), format_seconds(value)
        return f"{share} of the {self.measured} took up to {took}; the goal is {self._most}."


class FailuresGoal(LargestNumberGoal):
    """A goal for the number of failures in the `period`."""

    failing: ClassVar[str]
    """What fails, in the plural."""

    period: FileDuration

    def sentence(self, value: float) -> str:
        period = format_seconds(self.period.total_seconds())
        return f"{value:,.0f} {self.failing} failed in {period}; the goal is at most {self.most}."


class DeliveredGoal(Goal):
    """The share of the accepted messages that is delivered `within` this time; of those of the `period` before."""

    name = "delivered"
    measured: ClassVar[str] = "messages"
    next_step = "`harkara list --state accepted` and `harkara list --state failed` show the messages."
    unit = "percentunit"
    at_least = True

    least: Share
    within: FileDuration
    period: FileDuration
    fewest: Fewest = 20

    @property
    def limit(self) -> float:
        return self.least

    def sentence(self, value: float) -> str:
        within, least = format_seconds(self.within.total_seconds()), percent(self.least)
        return f"{percent(value)} of the {self.measured} were delivered within {within}; the goal is {least}."


class DeliveryTimeGoal(SlowestGoal):
    """The time in which this `share` of the delivered messages goes from Chat Mitra to the phone."""

    name = "delivery-time"
    measured = "delivered messages"
    next_step = "Chat Mitra or WhatsApp is slow, or webhooks arrive late: `harkara doctor` checks the webhooks."


class OldestDueGoal(LongestGoal):
    """How long the oldest due message of an open lane waits. Campaigns are left out: they wait for the allowance."""

    name = "oldest-due"
    next_step = "`harkara lanes` and `harkara doctor` show whether workers run and what holds the lane."

    def sentence(self, value: float) -> str:
        return f"A due message has waited for {format_seconds(value)}; the goal is {self._most}."


class UncertainGoal(LargestNumberGoal):
    """How many messages have been uncertain for longer than `after`."""

    name = "uncertain"
    next_step = "`harkara list --state uncertain` shows them, and `harkara resolve ID` decides about one."

    after: FileDuration

    def sentence(self, value: float) -> str:
        after = format_seconds(self.after.total_seconds())
        return f"{value:,.0f} messages have been uncertain for more than {after}; the goal is at most {self.most}."


class ErrorsGoal(FailuresGoal):
    """How many messages failed in the `period`. Campaigns are left out: they pause themselves."""

    name = "errors"
    failing = "messages"
    next_step = "`harkara list --state failed` shows each message with its reason."


class WebhooksGoal(LongestGoal):
    """How long no webhook may follow an accepted message."""

    name = "webhooks"
    next_step = "Compare the address and the secret of the webhook with Chat Mitra's dashboard; run `harkara doctor`."

    def sentence(self, value: float) -> str:
        return f"No webhook has followed a message of {format_seconds(value)} ago; the goal is {self._most}."


class RedisMemoryGoal(LargestShareGoal):
    """The share of `maxmemory`, or of the server's memory without it, that Redis uses."""

    name = "redis-memory"
    next_step = "A full Redis accepts no messages. `MEMORY USAGE harkara:intake` shows whether the intake is read."

    def sentence(self, value: float) -> str:
        return f"Redis uses {percent(value)} of its memory; the goal is at most {percent(self.most)}."


class DiskGoal(LargestShareGoal):
    """The share of the disk of a worker's folder `var` that is used."""

    name = "disk"
    next_step = "Free space on the disk, or move the folder `var` to a larger one."

    def sentence(self, value: float) -> str:
        return f"The disk is {percent(value)} full; the goal is at most {percent(self.most)}."


class BeatGoal(LongestGoal):
    """How long ago beat, Redis, a worker and the ledger last worked together."""

    name = "beat"
    next_step = "`harkara doctor` names the part that does not work; check that beat runs."

    def sentence(self, value: float) -> str:
        return f"Beat, Redis and a worker last worked together {format_seconds(value)} ago; the goal is {self._most}."


class BudgetGoal(LargestShareGoal):
    """The share of a budget that is spent."""

    name = "budget"
    next_step = "At 100 % marketing waits. `harkara spend` shows where the money went."

    def sentence(self, value: float) -> str:
        return f"{percent(value)} of the budget is spent; the goal is at most {percent(self.most)}."


def percent(share: float) -> str:
    """Return a share as people read it, such as `98 %`."""
    return f"{100 * share:.3g} %"
