"""The reminder rules: the model of config/reminders.toml."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args

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

_OFFSET = re.compile(r"(0|[+-][1-9]\d{0,3})([smhd])", re.ASCII)
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Offset:
    """A distance from the time that a rule counts from: negative before it, positive after it.

    The unit is elapsed seconds, or calendar days in the occasion's time zone.
    """

    amount: int
    unit: Literal["seconds", "days"]

    def __str__(self) -> str:
        sign = "+" if self.amount > 0 else ""
        if self.unit == "days":
            return f"{sign}{self.amount}d"
        unit = next(unit for unit, seconds in _SECONDS.items() if self.amount % seconds == 0)
        return f"{sign}{self.amount // _SECONDS[unit]}{unit}"


def _offset(value: object) -> Offset:
    if not isinstance(value, str) or not (parts := _OFFSET.fullmatch(value)):
        raise ValueError('must look like "-24h", "-30m", "-3d", "0d" or "+2h"')
    amount = int(parts[1])
    return Offset(amount, "days") if parts[2] == "d" else Offset(amount * _SECONDS[parts[2]], "seconds")


def _clock(value: object) -> time:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError('must look like "10:00", with quotes')
    return time.fromisoformat(value)


def _statuses(value: object) -> object:
    return (value,) if isinstance(value, str) else value


ClosedStatus = Literal["cancelled", "completed", "no-show"]
Status = Literal["open", ClosedStatus]
STATUSES: Final[tuple[Status, ...]] = ("open", *get_args(ClosedStatus))

Origin = Literal["at", "closing"]
"""What a rule counts from: the occasion's time, or the moment at which it was cancelled, completed or missed."""

Role = Literal["date", "time", "time-left", "time-since", "reason"]
"""What fills a parameter that the application leaves out."""

Distance = Annotated[Offset, BeforeValidator(_offset), PlainSerializer(str)]
Clock = Annotated[time, BeforeValidator(_clock), PlainSerializer(lambda clock: f"{clock:%H:%M}")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
RuleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+-]{1,40}$")]
TemplateName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,60}$")]


Statuses = Annotated[tuple[Status, ...], BeforeValidator(_statuses), Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class Rule(_Model):
    """One reminder of a kind. The head of config/reminders.toml explains the fields."""

    offset: Distance
    at: Clock | None = None
    template: TemplateName
    not_before: Distance
    useful_until: Distance
    quiet: Literal["earlier", "later", "either", "skip", "ignore"]
    set: dict[ParameterName, str] = Field(default_factory=dict)
    status: Statuses = Field(default=("open",), alias="while")
    origin: Origin = "at"
    opted_in: bool = False

    @model_validator(mode="after")
    def _validate_times(self) -> Self:
        if (self.offset.unit == "days") != (self.at is not None):
            raise ValueError("`at` and an `offset` in days need each other")
        if self.not_before.unit == self.offset.unit and self.not_before.amount > self.offset.amount:
            raise ValueError("`not_before` must not lie after `offset`")
        if self.useful_until.unit == self.offset.unit and self.useful_until.amount <= self.offset.amount:
            raise ValueError("`useful_until` must lie after `offset`")
        if self.origin == "closing" and "open" in self.status:
            raise ValueError('`origin = "closing"` needs a `while` without "open", such as "cancelled"')
        return self

    def dump(self) -> dict[str, Any]:
        """Return the rule as JSON. What a rule of the first release cannot say is there only if it differs."""
        fields = self.model_dump(mode="json", exclude_none=True)
        return {name: value for name, value in fields.items() if value != _LATER_FIELDS.get(name)}

    @property
    def follows_up(self) -> bool:
        """Whether the first release cannot read this rule: it sends after the occasion, or to a closed one."""
        amounts = (each.amount for each in (self.offset, self.not_before, self.useful_until))
        return max(amounts) > 0 or "open" not in self.status


_LATER_FIELDS: Final[Mapping[str, object]] = {"while": ["open"], "origin": "at", "opted_in": False}
"""The fields that the first release does not have, with their defaults."""


class Rules(_Model):
    """The whole file: the reminder rules of each kind of occasion, by kind and name."""

    kind: dict[Name, Annotated[dict[RuleName, Rule], Field(min_length=1)]]
    fill: dict[Name, dict[ParameterName, Role]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _validate_fill(self) -> Self:
        for kind in self.fill.keys() - self.kind.keys():
            raise ValueError(f"fill.{kind}: there is no [kind.{kind}...] with this name")
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a reminders file. Raises Invalid, which names the rule, the field and what is wrong."""
        return validate(cls, load_toml(path), path.name, _entry_name)

    def for_kind(self, kind: str) -> Mapping[str, Rule]:
        """Return the rules of a kind by name. Raises Invalid for an unknown kind, with the known ones."""
        if kind not in self.kind:
            raise Invalid("kind", f"must be one of {', '.join(self.kind)}; add a kind in the reminders file")
        return self.kind[kind]

    def needs_hour(self, kind: str, rule: Rule) -> bool:
        """Whether the reminder of this rule makes sense only for an occasion at a time of the day.

        Its own hour matters, since it ignores quiet hours, and it counts from the hour that the texts of its kind say.
        """
        counts_hours = rule.offset.unit == "seconds" and rule.origin == "at"
        return counts_hours and rule.quiet == "ignore" and "time" in self.fill.get(kind, {}).values()

    def dump(self) -> dict[str, Any]:
        """Return all rules as JSON."""
        kinds = {kind: {name: rule.dump() for name, rule in rules.items()} for kind, rules in self.kind.items()}
        return {"kind": kinds, "fill": self.fill}

    def first_release(self) -> dict[str, Any]:
        """Return the rules that a producer of the first release can read; it only validates parameters with them.

        That release has no parameter which is filled. Dates and times its applications give themselves. The others
        were set by the rules, so they are set here to a text that is never sent.
        """
        kinds = {
            kind: {name: self._first_release(kind, rule) for name, rule in rules.items() if not rule.follows_up}
            for kind, rules in self.kind.items()
        }
        return {"kind": {kind: rules for kind, rules in kinds.items() if rules}}

    def _first_release(self, kind: str, rule: Rule) -> dict[str, Any]:
        filled = {name for name, role in self.fill.get(kind, {}).items() if role not in ("date", "time")}
        fields = rule.dump()
        return fields | {"set": {name: "\u2013" for name in filled} | fields["set"]}

    def digest(self, kind: str, *more: object) -> str:
        """Return 16 hexadecimal digits that change with the rules of this kind and with `more`.

        Raises Invalid for an unknown kind.
        """
        rules = {name: _EMPTY | rule.dump() for name, rule in self.for_kind(kind).items()}
        filled = [self.fill[kind]] if self.fill.get(kind) else []
        return sha256(json.dumps([rules, *more, *filled], sort_keys=True).encode()).hexdigest()[:16]


_EMPTY: Final = {"at": None}
"""What the digests of the first release contain for a rule without a local time."""


def _entry_name(where: Location) -> str:
    match where:
        case ("kind", kind, name, *field):
            return f"{kind} {name}" + (f": {field[0]}" if field else "")
        case _:
            return dotted(where)
