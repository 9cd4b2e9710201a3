"""The file config/assistant.toml: which customers the assistant answers, how long it waits, what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from harkara.assistant.business_hours import BusinessHours
from harkara.assistant.model_rules import LookupsOnce, ModelRules
from harkara.assistant.sentences import BusinessNames, SentencesByLanguage
from harkara.goals.duration import FileDuration
from harkara.people.spellings import canonical
from harkara.phone import normalize
from harkara.text_files import is_missing
from harkara.toml import load_toml, validate

RolloutMode = Literal["shadow", "drafts", "live"]
"""`shadow` sends nothing, `drafts` sends what a person approves, `live` sends."""

MOST_UNANSWERED = 10
"""What `most-unanswered` may be at most."""

Number = Annotated[str, AfterValidator(lambda number: normalize(number, with_country_code=True))]
"""A phone number with its country code, as digits."""


@dataclass(frozen=True, slots=True)
class Billing:
    """How turns are charged: in this currency, and to days in the `zones` of the lanes, UTC for one without."""

    currency: str
    zones: Mapping[str, tzinfo] = field(default_factory=dict)


class AssistantRules(BaseModel):
    """The whole file. Without a file, or without a lane in it, the assistant is off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lanes: tuple[str, ...] = ()
    mode: RolloutMode = "shadow"
    share: float = Field(default=1.0, ge=0, le=1)
    only: tuple[Number, ...] = ()
    own_numbers: tuple[Number, ...] = Field(default=(), alias="own-numbers")
    debounce: FileDuration = timedelta(seconds=2)
    debounce_limit: FileDuration = Field(default=timedelta(seconds=8), alias="debounce-limit")
    give_back: FileDuration = Field(default=timedelta(minutes=30), alias="give-back")
    most_unanswered: int = Field(default=2, ge=1, le=MOST_UNANSWERED, alias="most-unanswered")
    parallel: int = Field(default=8, ge=1, le=64)
    human_help: str | None = Field(default=None, alias="human-help", pattern=r"^[a-z0-9_]{1,60}$")
    model: ModelRules = ModelRules()
    lookups: LookupsOnce = ()
    business: BusinessNames = BusinessNames()
    hours: BusinessHours = BusinessHours()
    sentences: SentencesByLanguage = SentencesByLanguage.model_validate({})

    _billing: Billing | None = PrivateAttr(default=None)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load config/assistant.toml. Raises Invalid, which names the entry and its fault."""
        return validate(cls, {} if is_missing(path) else load_toml(path), path.name)

    @model_validator(mode="after")
    def _limit_is_longer(self) -> Self:
        if self.debounce_limit < self.debounce:
            raise ValueError("debounce-limit must be at least as long as debounce")
        return self

    @property
    def billing(self) -> Billing | None:
        """How turns are charged, None for rules without `billed`: then they are not."""
        return self._billing

    def billed(self, billing: Billing) -> Self:
        """Return the same rules with what the other files say about money: its currency and the lanes' zones."""
        rules = self.model_copy()
        rules._billing = billing
        return rules

    def answers(self, lane: str, person: str, number: str | None) -> bool:
        """Return whether the assistant answers this person, whose `number` is None while WhatsApp hides it.

        The share is of people, by a digest of lane and person: a person in it stays in it while the share grows.
        """
        if lane not in self.lanes or self.is_own(number):
            return False
        if self.only:
            return number is not None and canonical(number) in map(canonical, self.only)
        return share_of(lane, person) < self.share

    def is_own(self, number: str | None) -> bool:
        """Return whether the number is one of the business, which is never answered."""
        return number is not None and canonical(number) in map(canonical, self.own_numbers)


def share_of(lane: str, person: str) -> float:
    """Return where a person is between 0 and 1, evenly spread and always the same."""
    digest = sha256(f"{lane}\n{person}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
