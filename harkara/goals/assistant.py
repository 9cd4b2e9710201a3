"""The goals of the assistant, which are shown for the lanes where it answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harkara.goals.duration import FileDuration, format_seconds
from harkara.goals.goal import (
    DeliveredGoal,
    FailuresGoal,
    Fewest,
    Goal,
    LargestShareGoal,
    LongestGoal,
    SlowestGoal,
    percent,
)


class AssistantTimeGoal(SlowestGoal):
    """The time in which this `share` of the answers is made, without the wait for more messages."""

    name = "assistant-time"
    measured = "assistant's answers"
    next_step = "The model or a lookup is slow: lower `timeout` in config/assistant.toml, or answer more by the FAQ."


class AssistantDeliveredGoal(DeliveredGoal):
    """The share of the assistant's answers that is delivered `within` this time."""

    name = "assistant-delivered"
    measured = "assistant's answers"
    next_step = (
        "`harkara list --state failed` shows the answers with their reasons; `harkara doctor` checks the webhooks."
    )


class AssistantHandOverGoal(LargestShareGoal):
    """The share of the answers that gave the conversation to a person."""

    name = "assistant-hand-over"
    next_step = "The FAQ lacks what customers ask: look at the conversations that wait for a person, and add entries."

    period: FileDuration
    fewest: Fewest = 20

    def sentence(self, value: float) -> str:
        share, most = percent(value), percent(self.most)
        return f"The assistant gave {share} of the conversations to a person; the goal is at most {most}."


class AssistantFailedGoal(FailuresGoal):
    """How many turns failed in the `period`: the model gave no answer, or the check refused it."""

    name = "assistant-failed"
    failing = "turns of the assistant"
    next_step = "Check the model's address, key and account; meanwhile every conversation goes to a person."


class AssistantModelGoal(LongestGoal):
    """How long the language model is not asked, since it failed three times in five minutes."""

    name = "assistant-model"
    next_step = (
        "Every conversation that needs the model goes to a person. Check its address, key and account: "
        "`harkara assistant status` shows when it is tried again."
    )

    def sentence(self, value: float) -> str:
        return f"The language model has been down for {format_seconds(value)}; the goal is {self._most}."


class AssistantPriceGoal(Goal):
    """What the model costs for one person who wrote in the `period`, in the currency of prices.toml."""

    name = "assistant-price"
    next_step = "`harkara spend --by category` shows the sum; a cheaper model or a shorter prompt lowers it."
    unit = "short"

    most: Annotated[float, Field(gt=0)]
    period: FileDuration
    fewest: Fewest = 20

    @property
    def limit(self) -> float:
        return self.most

    def sentence(self, value: float) -> str:
        return f"A conversation of the assistant costs {value:.2f}; the goal is at most {self.most:.2f}."
