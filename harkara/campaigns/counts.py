"""The counts of a campaign: what became of its messages, and how their recipients responded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from harkara.campaigns.effect import CampaignEffect
from harkara.states import CampaignState, State

LARGEST_COUNTED: Final = 1_000
"""Messages of the largest campaign that a page counts itself. It shows stored counts of a larger one."""

LEAST_PAUSE: Final = timedelta(seconds=10)
"""Between two counts of a campaign; a page asks for its live part as often."""

_REST: Final = 50
"""A pause is so many times as long as the count took: the counts of a campaign take 2 % of one core at most."""

_LONGEST_PAUSE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CampaignFailures:
    """Messages that ended in the same state with the same code, and the reason that one of them has."""

    state: State
    code: str
    number: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class CampaignCounts:
    """All messages of a campaign, with those that the history has deleted.

    `to_send` has the messages that are still to be sent by producer, if a stage is to come. `countries` has those that
    are not cancelled by the calling code of their recipient, which is empty where it is not known.
    """

    by_state: Mapping[State, int]
    failures: Sequence[CampaignFailures]
    to_send: Mapping[str, int]
    countries: Counter[str]
    answered: int
    opted_out: int
    effect: CampaignEffect | None

    def dump(self) -> str:
        """Return the JSON of the column `counts`."""
        fields = {name: getattr(self, name) for name in ("by_state", "to_send", "countries", "answered", "opted_out")}
        failures = [[each.state, each.code, each.number, each.reason] for each in self.failures]
        return json.dumps({**fields, "failures": failures, "effect": self.effect and dict(self.effect)})

    @classmethod
    def load(cls, stored: str) -> Self:
        """Return the counts in the column `counts`."""
        fields = json.loads(stored)
        effect = fields["effect"]
        return cls(
            by_state={State(state): number for state, number in fields["by_state"].items()},
            failures=[CampaignFailures(State(state), *rest) for state, *rest in fields["failures"]],
            to_send=fields["to_send"],
            countries=Counter(fields["countries"]),
            answered=fields["answered"],
            opted_out=fields["opted_out"],
            effect=effect and CampaignEffect(**effect | {"since": datetime.fromisoformat(effect["since"])}),
        )


def pause_after_count(state: CampaignState, unchanged_for: timedelta, count_took: timedelta) -> timedelta:
    """Return the time until the next count of a campaign that has been in its state for so long.

    What does not run changes by late webhooks and responses alone, less and less.
    """
    least = max(LEAST_PAUSE, _REST * count_took)
    return least if state is CampaignState.RUNNING else max(least, min(unchanged_for / _REST, _LONGEST_PAUSE))
