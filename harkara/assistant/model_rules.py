"""The sections [model] and [[lookups]] of config/assistant.toml."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from harkara.assistant.arguments import ArgumentSchema
from harkara.goals.duration import FileDuration
from harkara.http_url import parse_http_url
from harkara.money.amounts import to_micros
from harkara.money.prices import Price

MOST_LOOKUPS = 3
"""Calls of tools in one turn."""


def _url(value: str) -> str:
    if value and parse_http_url(value) is None:
        raise ValueError("must be a full URL in ASCII without a user name, for example https://api.openai.com/v1")
    return value


Url = Annotated[str, AfterValidator(_url)]


class ModelRules(BaseModel):
    """Which model answers what no cache and no FAQ answers. Without a `name` there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Url = ""
    name: str = Field(default="", max_length=200)
    timeout: FileDuration = timedelta(seconds=8)
    max_tokens: int = Field(default=800, ge=50, le=20_000, alias="max-tokens")
    price_read: Price = Field(default=Decimal(0), alias="price-read")
    price_written: Price = Field(default=Decimal(0), alias="price-written")
    tone: str = Field(default="friendly and brief", max_length=200)
    prompt: str = Field(default="", max_length=8_000)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.name and not (self.url and self.prompt):
            raise ValueError("a model needs url and prompt, too")
        return self

    @property
    def enabled(self) -> bool:
        return bool(self.name)

    def price(self, read: int, written: int) -> int:
        """Return what so many tokens cost, in micros. The prices are for a million tokens."""
        return to_micros((self.price_read * read + self.price_written * written) / 1_000_000)


class LookupRules(BaseModel):
    """A tool: data of the application about the contact of a conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    description: str = Field(min_length=1, max_length=500)
    url: Annotated[str, Field(min_length=1), AfterValidator(_url)]
    arguments: ArgumentSchema = ArgumentSchema()

    @property
    def parameters(self) -> dict[str, Any]:
        return self.arguments.schema_for_model()


LookupsOnce = Annotated[tuple[LookupRules, ...], AfterValidator(lambda tools: _named_once(tools))]


def _named_once(tools: tuple[LookupRules, ...]) -> tuple[LookupRules, ...]:
    names = [tool.name for tool in tools]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two lookups are named {twice}")
    return tools
