"""The table of the playbook: the schema of config/playbook.toml and its validation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from harkara.answers import NoAnswerReason, NotSentReason
from harkara.toml import Location, load_toml, validate

CATEGORIES = ("authentication", "reply", "utility", "marketing")
EVENTS = (*get_args(NotSentReason), *get_args(NoAnswerReason), "crash")
LATER_EVENTS = {"request": "unreachable"}
"""Events that a file of an earlier release does not have, with the one whose entry then counts."""

EntryKind = Literal["code", "http", "event"]

_RANGE = re.compile(r"(\d{1,3})-(\d{1,3})", re.ASCII)
_MAX_EXPONENT = 64
"""A larger exponent could overflow a float; every delay has reached its cap by then."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GrowingDelay(_Model):
    """Seconds that are multiplied by `factor` with each time, up to `cap`."""

    base: PositiveFloat
    factor: Annotated[float, Field(ge=1, le=10)]
    cap: PositiveFloat


class PlaybookEntry(_Model):
    """One entry; the head of config/playbook.toml describes its fields."""

    on: tuple[int | str, ...] = ()
    kind: Literal["retry", "wait", "template", "permanent", "operator", "uncertain"] = Field(alias="class")
    sentence: Annotated[str, Field(min_length=20, max_length=300)]
    meanwhile: Annotated[str, Field(min_length=20, max_length=300)] | None = None
    delays: tuple[PositiveFloat, ...] | GrowingDelay | None = None
    tries: PositiveInt | None = None
    waits: PositiveInt | None = None
    then: Literal["permanent", "operator"] = "permanent"
    pause: Literal["message", "recipient", "template", "lane"] = "message"
    seconds: PositiveFloat | None = None
    policy: Literal["lost", "server-error"] | None = None
    unless_open: str | None = Field(default=None, alias="unless-open")

    @model_validator(mode="after")
    def _check_class(self) -> Self:
        if (self.kind in ("retry", "wait")) != bool(self.delays):
            raise ValueError("`delays` are required in the classes retry and wait, and not allowed in others")
        if self.meanwhile and not self.delays:
            raise ValueError("`meanwhile` is allowed in the classes retry and wait only")
        if (self.kind == "uncertain") != bool(self.policy):
            raise ValueError("`policy` is required in the class uncertain, and not allowed in others")
        if self.seconds and self.kind != "operator":
            raise ValueError("`seconds` are allowed in the class operator only; retry and wait have `delays`")
        return self

    @property
    def waiting(self) -> str:
        """The sentence while Harkara itself sends the message again: `sentence` may ask the operator to do so."""
        return self.meanwhile or f"Harkara sends it again by itself. If that does not help: {self.sentence}"

    def delay(self, time: int) -> float | None:
        """Return the seconds to wait at the `time`-th time, counted from 0; None after the last one."""
        if isinstance(self.delays, GrowingDelay):
            return min(self.delays.cap, self.delays.base * self.delays.factor ** min(time, _MAX_EXPONENT))
        return self.delays[time] if self.delays and time < len(self.delays) else None

    def names(self) -> Iterator[tuple[str, bool]]:
        """Yield each name of the entry and whether it is listed alone; a range such as `200-299` yields its numbers."""
        for name in self.on:
            if span := _RANGE.fullmatch(str(name)):
                yield from ((str(number), False) for number in range(int(span[1]), int(span[2]) + 1))
            else:
                yield str(name), True


class ResendRule(_Model):
    """The seconds after which an uncertain message is sent again, one number for each time.

    With `evidence` it is sent only when webhooks have shown by then that it did not arrive.
    """

    after: tuple[PositiveFloat, ...]
    evidence: bool = False


class CategoryPolicy(_Model):
    """The resend rules of a category: after a lost answer, and after a server error (probably not accepted)."""

    lost: ResendRule
    server_error: ResendRule = Field(alias="server-error")


class PlaybookTable(_Model):
    """The whole file."""

    tries: PositiveInt
    jitter: Annotated[float, Field(ge=0, le=1)]
    code: tuple[PlaybookEntry, ...]
    http: tuple[PlaybookEntry, ...]
    event: tuple[PlaybookEntry, ...]
    unknown: PlaybookEntry
    uncertain: dict[str, CategoryPolicy]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load and validate the file. Raises Invalid, which names the entry and the broken rule."""
        data = load_toml(path)
        return validate(cls, data, path.name, lambda where: _entry_name(data, where))

    @model_validator(mode="after")
    def _check_complete(self) -> Self:
        missing = [
            *(set(EVENTS) - set(LATER_EVENTS) - set(self.entries("event"))),
            *(set(CATEGORIES) - set(self.uncertain)),
        ]
        if missing:
            raise ValueError(f"there is no entry for {', '.join(sorted(missing))}")
        codes = self.entries("code")
        self.entries("http")
        for entry in self.code:
            if entry.unless_open and entry.unless_open not in codes:
                raise ValueError(f"code {entry.on[0]}: unless-open names {entry.unless_open}, which has no entry")
        return self

    def entries(self, kind: EntryKind) -> dict[str, PlaybookEntry]:
        """Return the entries by name; a name listed alone takes precedence over a range.

        Raises ValueError for a name with two entries.
        """
        ranges: dict[str, PlaybookEntry] = {}
        single: dict[str, PlaybookEntry] = {}
        for entry in getattr(self, kind):
            if not entry.on:
                raise ValueError(f"a {kind} entry has no `on`, which names what it is about")
            for name, alone in entry.names():
                if alone and name in single:
                    raise ValueError(f"{kind} {name} has two entries")
                (single if alone else ranges)[name] = entry
        return ranges | single


def _entry_name(data: Mapping[str, Any], where: Location) -> str:
    """Name an entry by what it is about, and the field in it, as the author of the file knows them."""
    match where:
        case (str(kind), int(position), *field):
            entry = data[kind][position]
            named = isinstance(entry, dict) and "on" in entry
            name = str(entry["on"]).strip("[]") if named else f"no. {position + 1}"
            return f"{kind} {name}" + (f": {field[0]}" if field else "")
        case _:
            return ".".join(map(str, where)) or "the file"
