"""The rules of reminders, as they stand in config/reminders.toml, checked when they are read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    model_validator,
)

from harkara.catalogue.kind import ParameterName
from harkara.errors import Invalid
from harkara.toml import Location, read_toml, refusal

_OFFSET = re.compile(r"(0|-[1-9]\d{0,3})([smhd])", re.ASCII)
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Offset:
    """A distance from the occasion, negative before it: seconds that elapse, or days of the calendar in its zone."""

    amount: int
    unit: Literal["seconds", "days"]

    def __str__(self) -> str:
        if self.unit == "days":
            return f"{self.amount}d"
        unit = next(unit for unit, seconds in _SECONDS.items() if self.amount % seconds == 0)
        return f"{self.amount // _SECONDS[unit]}{unit}"


def _offset(value: object) -> Offset:
    if not isinstance(value, str) or not (parts := _OFFSET.fullmatch(value)):
        raise ValueError('must look like "-24h", "-30m", "-3d" or "0d"')
    amount = int(parts[1])
    return Offset(amount, "days") if parts[2] == "d" else Offset(amount * _SECONDS[parts[2]], "seconds")


def _clock(value: object) -> time:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError('must look like "10:00", with quotes')
    return time.fromisoformat(value)


Distance = Annotated[Offset, BeforeValidator(_offset), PlainSerializer(str)]
Clock = Annotated[time, BeforeValidator(_clock), PlainSerializer(lambda clock: f"{clock:%H:%M}")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
TemplateName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,60}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Model):
    """One reminder of a kind; the head of config/reminders.toml says what its fields mean."""

    offset: Distance
    at: Clock | None = None
    template: TemplateName
    not_before: Distance
    useful_until: Distance
    quiet: Literal["earlier", "later", "either", "skip", "ignore"]
    set: dict[ParameterName, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.offset.unit == "days") != (self.at is not None):
            raise ValueError("`at` belongs to an `offset` in days, and this needs it")
        if self.not_before.unit == self.offset.unit and self.not_before.amount > self.offset.amount:
            raise ValueError("`not_before` lies after `offset`, so its own time would never come")
        if self.useful_until.unit == self.offset.unit and self.useful_until.amount <= self.offset.amount:
            raise ValueError("`useful_until` must lie after `offset`, its own time")
        return self


class Rules(_Model):
    """The whole file: for each kind of occasion its reminders by name."""

    kind: dict[Name, Annotated[dict[Name, Rule], Field(min_length=1)]]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises Invalid, which names the entry and the field, and what is wrong with it."""
        try:
            return cls.model_validate(read_toml(path))
        except ValidationError as error:
            raise refusal(path.name, error, _place) from error

    def of(self, kind: str) -> Mapping[str, Rule]:
        """The reminders of a kind by name. Raises Invalid, which names the kinds that there are."""
        if kind not in self.kind:
            raise Invalid("kind", f"must be one of {', '.join(self.kind)}; others are added in the file of the rules")
        return self.kind[kind]

    def digest(self, kind: str, *more: object) -> str:
        """16 hexadecimal digits that change when the kind's rules, or what is given beside them, say something else.

        Raises Invalid as `of` does.
        """
        said = {name: rule.model_dump(mode="json") for name, rule in self.of(kind).items()}
        return sha256(json.dumps([said, *more], sort_keys=True).encode()).hexdigest()[:16]


def _place(where: Location) -> str:
    """The entry as its author knows it, and the field in it."""
    match where:
        case ("kind", kind, name, *field):
            return f"{kind} {name}" + (f": {field[0]}" if field else "")
        case _:
            return ".".join(map(str, where)) or "the file"
