"""The goals of the assistant, which are shown for the lanes where it answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harkara.goals.duration import FileDuration, format_seconds
from harkara.goals.goal import DeliveredGoal, Goal, LargestNumberGoal, LargestShareGoal, LongestGoal, Share, percent

Fewest = Annotated[int, Field(ge=1)]


class AssistantTimeGoal(LongestGoal):
    """The time in which this `share` of the answers is made, without the wait for more messages."""

    name = "assistant-time"
    next_step = "The model or a lookup is slow: lower `timeout` in config/assistant.toml, or answer more by the FAQ."

    share: Share = 0.95
    period: FileDuration
    fewest: Fewest = 20

    def sentence(self, value: float) -> str:
        share, took = percent(self.share), format_seconds(value)
        return f"{share} of the assistant's answers took up to {took}; the goal is {self._most}."


class AssistantDeliveredGoal(DeliveredGoal):
    """The share of the assistant's answers that is delivered `within` this time."""

    name = "assistant-delivered"
    next_step = (
        "`harkara list --state failed` shows the answers with their reasons; `harkara doctor` checks the webhooks."
    )

    def sentence(self, value: float) -> str:
        within = format_seconds(self.within.total_seconds())
        share, least = percent(value), percent(self.least)
        return f"{share} of the assistant's answers were delivered within {within}; the goal is {least}."


class AssistantHandOverGoal(LargestShareGoal):
    """The share of the answers that gave the conversation to a person."""

    name = "assistant-hand-over"
    next_step = "The FAQ lacks what customers ask: look at the conversations that wait for a person, and add entries."

    period: FileDuration
    fewest: Fewest = 20

    def sentence(self, value: float) -> str:
        share, most = percent(value), percent(self.most)
        return f"The assistant gave {share} of the conversations to a person; the goal is at most {most}."


class AssistantFailedGoal(LargestNumberGoal):
    """How many turns failed in the `period`: the model gave no answer, or the check refused it."""

    name = "assistant-failed"
    next_step = "Check the model's address, key and account; meanwhile every conversation goes to a person."

    period: FileDuration

    def sentence(self, value: float) -> str:
        period = format_seconds(self.period.total_seconds())
        return f"{value:,.0f} turns of the assistant failed in {period}; the goal is at most {self.most}."


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
