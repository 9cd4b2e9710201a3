"""The reminder rules: the model of config/reminders.toml."""

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
    model_validator,
)

from harkara.catalogue.kind import ParameterName
from harkara.errors import Invalid
from harkara.toml import Location, dotted, load_toml, validate

_OFFSET = re.compile(r"(0|-[1-9]\d{0,3})([smhd])", re.ASCII)
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Offset:
    """A distance from the occasion's time, negative or 0.

    The unit is elapsed seconds, or calendar days in the occasion's time zone.
    """

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
    """One reminder of a kind. The head of config/reminders.toml explains the fields."""

    offset: Distance
    at: Clock | None = None
    template: TemplateName
    not_before: Distance
    useful_until: Distance
    quiet: Literal["earlier", "later", "either", "skip", "ignore"]
    set: dict[ParameterName, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _validate_times(self) -> Self:
        if (self.offset.unit == "days") != (self.at is not None):
            raise ValueError("`at` and an `offset` in days need each other")
        if self.not_before.unit == self.offset.unit and self.not_before.amount > self.offset.amount:
            raise ValueError("`not_before` must not lie after `offset`")
        if self.useful_until.unit == self.offset.unit and self.useful_until.amount <= self.offset.amount:
            raise ValueError("`useful_until` must lie after `offset`")
        return self


class Rules(_Model):
    """The whole file: the reminder rules of each kind of occasion, by kind and name."""

    kind: dict[Name, Annotated[dict[Name, Rule], Field(min_length=1)]]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a reminders file. Raises Invalid, which names the rule, the field and what is wrong."""
        return validate(cls, load_toml(path), path.name, _entry_name)

    def for_kind(self, kind: str) -> Mapping[str, Rule]:
        """Return the rules of a kind by name. Raises Invalid for an unknown kind, with the known ones."""
        if kind not in self.kind:
            raise Invalid("kind", f"must be one of {', '.join(self.kind)}; add a kind in the reminders file")
        return self.kind[kind]

    def digest(self, kind: str, *more: object) -> str:
        """Return 16 hexadecimal digits that change with the rules of this kind and with `more`.

        Raises Invalid for an unknown kind.
        """
        rules = {name: rule.model_dump(mode="json") for name, rule in self.for_kind(kind).items()}
        return sha256(json.dumps([rules, *more], sort_keys=True).encode()).hexdigest()[:16]


def _entry_name(where: Location) -> str:
    match where:
        case ("kind", kind, name, *field):
            return f"{kind} {name}" + (f": {field[0]}" if field else "")
        case _:
            return dotted(where)
