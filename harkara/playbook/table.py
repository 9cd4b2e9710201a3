"""The table of the playbook, as it stands in config/playbook.toml, checked when it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from harkara.answers import Unknown, Unsent
from harkara.toml import Location, load_toml, validate

CATEGORIES = ("authentication", "reply", "utility", "marketing")
EVENTS = (*get_args(Unsent), *get_args(Unknown), "crash")

Kind = Literal["code", "http", "event"]

_RANGE = re.compile(r"(\d{1,3})-(\d{1,3})", re.ASCII)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Growing(_Model):
    """Seconds that grow by a factor with each time, up to a cap."""

    base: PositiveFloat
    factor: Annotated[float, Field(ge=1, le=10)]
    cap: PositiveFloat


class Entry(_Model):
    """One row; the head of config/playbook.toml says what its fields mean."""

    on: tuple[int | str, ...] = ()
    kind: Literal["retry", "wait", "template", "permanent", "operator", "uncertain"] = Field(alias="class")
    sentence: Annotated[str, Field(min_length=20, max_length=300)]
    delays: tuple[PositiveFloat, ...] | Growing | None = None
    tries: PositiveInt | None = None
    waits: PositiveInt | None = None
    then: Literal["permanent", "operator"] = "permanent"
    pause: Literal["message", "recipient", "template", "lane"] = "message"
    seconds: PositiveFloat | None = None
    policy: Literal["lost", "server-error"] | None = None
    unless_open: str | None = Field(default=None, alias="unless-open")

    @model_validator(mode="after")
    def _fits_its_class(self) -> Self:
        if (self.kind in ("retry", "wait")) != bool(self.delays):
            raise ValueError("`delays` belong to the classes retry and wait, and these need them")
        if (self.kind == "uncertain") != bool(self.policy):
            raise ValueError("`policy` belongs to the class uncertain, and this needs it")
        if self.seconds and self.kind != "operator":
            raise ValueError("`seconds` belong to the class operator; retry and wait have `delays`")
        return self

    def delay(self, time: int) -> float | None:
        """Seconds to wait after the `time`-th time, counted from 0; None when the list is at its end."""
        if isinstance(self.delays, Growing):
            return min(self.delays.cap, self.delays.base * self.delays.factor ** min(time, 64))
        return self.delays[time] if self.delays and time < len(self.delays) else None

    def names(self) -> Iterator[tuple[str, bool]]:
        """What the row is about, a range such as `200-299` one by one; and whether it was named by itself."""
        for name in self.on:
            if span := _RANGE.fullmatch(str(name)):
                yield from ((str(number), False) for number in range(int(span[1]), int(span[2]) + 1))
            else:
                yield str(name), True


class Resend(_Model):
    """Seconds after which a message in doubt is sent again, a number for each time it may be.

    `evidence`: only when webhooks have shown by then that it did not arrive.
    """

    after: tuple[PositiveFloat, ...]
    evidence: bool = False


class Policy(_Model):
    """What a category does in doubt: after a lost answer, and after an error of the server (probably not accepted)."""

    lost: Resend
    server_error: Resend = Field(alias="server-error")


class Table(_Model):
    """The whole file."""

    tries: PositiveInt
    jitter: Annotated[float, Field(ge=0, le=1)]
    code: tuple[Entry, ...]
    http: tuple[Entry, ...]
    event: tuple[Entry, ...]
    unknown: Entry
    uncertain: dict[str, Policy]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises Invalid, which names the entry and what is wrong with it."""
        data = load_toml(path)
        return validate(cls, data, path.name, lambda where: _place(data, where))

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = [*(set(EVENTS) - set(self.entries("event"))), *(set(CATEGORIES) - set(self.uncertain))]
        if missing:
            raise ValueError(f"there is no entry for {', '.join(sorted(missing))}")
        codes = self.entries("code")
        self.entries("http")
        for entry in self.code:
            if entry.unless_open and entry.unless_open not in codes:
                raise ValueError(f"code {entry.on[0]}: unless-open names {entry.unless_open}, which has no entry")
        return self

    def entries(self, kind: Kind) -> dict[str, Entry]:
        """By name. A row of its own stands before a range. Raises ValueError for a name that has two of them."""
        ranges: dict[str, Entry] = {}
        rows: dict[str, Entry] = {}
        for entry in getattr(self, kind):
            if not entry.on:
                raise ValueError(f"a {kind} entry does not say what it is `on`")
            for name, alone in entry.names():
                if alone and name in rows:
                    raise ValueError(f"{kind} {name} has two entries")
                (rows if alone else ranges)[name] = entry
        return ranges | rows


def _place(data: Mapping[str, Any], where: Location) -> str:
    """The entry as its author knows it, by what it is about, and the field in it."""
    match where:
        case (str(kind), int(row), *field):
            entry = data[kind][row]
            named = isinstance(entry, dict) and "on" in entry
            name = str(entry["on"]).strip("[]") if named else f"no. {row + 1}"
            return f"{kind} {name}" + (f": {field[0]}" if field else "")
        case _:
            return ".".join(map(str, where)) or "the file"
