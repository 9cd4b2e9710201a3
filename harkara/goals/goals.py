"""The file config/goals.toml: which goals a deployment has, and how long one is missed before its alarm opens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from harkara.goals.assistant import (
    AssistantDeliveredGoal,
    AssistantFailedGoal,
    AssistantHandOverGoal,
    AssistantModelGoal,
    AssistantPriceGoal,
    AssistantTimeGoal,
)
from harkara.goals.duration import FileDuration
from harkara.goals.goal import (
    BeatGoal,
    BudgetGoal,
    DeliveredGoal,
    DeliveryTimeGoal,
    DiskGoal,
    ErrorsGoal,
    Goal,
    OldestDueGoal,
    RedisMemoryGoal,
    UncertainGoal,
    WebhooksGoal,
)
from harkara.text_files import is_missing
from harkara.toml import load_toml, validate


class Goals(BaseModel):
    """The whole file. A goal without a section is not watched; without a file, none is.

    An alarm opens once its goal was missed for `open_after`, and closes once it was met for `close_after`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    open_after: FileDuration = Field(default=timedelta(minutes=2), alias="open-after")
    close_after: FileDuration = Field(default=timedelta(minutes=5), alias="close-after")
    delivered: DeliveredGoal | None = None
    delivery_time: DeliveryTimeGoal | None = Field(default=None, alias="delivery-time")
    oldest_due: OldestDueGoal | None = Field(default=None, alias="oldest-due")
    uncertain: UncertainGoal | None = None
    errors: ErrorsGoal | None = None
    webhooks: WebhooksGoal | None = None
    budget: BudgetGoal | None = None
    redis_memory: RedisMemoryGoal | None = Field(default=None, alias="redis-memory")
    disk: DiskGoal | None = None
    beat: BeatGoal | None = None
    assistant_time: AssistantTimeGoal | None = Field(default=None, alias="assistant-time")
    assistant_delivered: AssistantDeliveredGoal | None = Field(default=None, alias="assistant-delivered")
    assistant_hand_over: AssistantHandOverGoal | None = Field(default=None, alias="assistant-hand-over")
    assistant_failed: AssistantFailedGoal | None = Field(default=None, alias="assistant-failed")
    assistant_model: AssistantModelGoal | None = Field(default=None, alias="assistant-model")
    assistant_price: AssistantPriceGoal | None = Field(default=None, alias="assistant-price")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load config/goals.toml. Raises Invalid, which names the entry and its fault."""
        return validate(cls, {} if is_missing(path) else load_toml(path), path.name)

    @property
    def by_name(self) -> Mapping[str, Goal]:
        """The goals that are watched, by their names."""
        values = (getattr(self, field) for field in type(self).model_fields)
        return {each.name: each for each in values if isinstance(each, Goal)}
