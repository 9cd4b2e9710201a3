"""The file of recorded talks: JSON Lines, a talk a line, with what is expected of the assistant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harkara.assistant.talk import HandOverCause
from harkara.errors import Invalid
from harkara.text_files import read_text

Subject = Literal[
    "orders",
    "appointments",
    "payments",
    "questions",
    "anger",
    "injection",
    "leak",
    "robot",
    "repeated",
    "small-talk",
    "opt-out",
    "media",
    "burst",
]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expectation(_Line):
    """What is right: any of these outcomes."""

    answered: tuple[str, ...] = ()
    """Ids of FAQ entries or names of lookups, one of which the answer cites; `rule:robot` is a fixed sentence."""
    hand_over: tuple[HandOverCause, ...] = ()
    silent: bool = False

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.answered or self.hand_over or self.silent):
            raise ValueError('must have "answered", "hand_over" or "silent"')
        return self


class ExpectedTurn(_Line):
    """A burst of the customer, and what is expected of the answer."""

    customer: Annotated[tuple[str, ...], Field(min_length=1, max_length=10)]
    """The messages of the burst; empty for a photo or a voice message without a caption."""
    expect: Expectation
    without: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    """What must not be in the answer."""
    secret: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    """What must be neither in the answer nor in what a model would get."""


class RecordedTalk(_Line):
    """A talk, without the messages of the assistant, which the replay adds."""

    name: str = Field(min_length=1, max_length=80)
    language: Literal["en", "hi", "hi-Latn"]
    about: Subject
    customer_name: str | None = None
    number: str | None = Field(default=None, pattern=r"^[1-9][0-9]{9,14}$")
    lookups: dict[str, Any] = Field(default_factory=dict)
    """The results of lookups by the name of the tool."""
    turns: Annotated[tuple[ExpectedTurn, ...], Field(min_length=1, max_length=20)]


def read_talks(path: Path) -> list[RecordedTalk]:
    """Return the talks of a file; lines that are blank or begin with # do not count.

    Raises Invalid, which names the line and what is wrong with it.
    """
    talks: list[RecordedTalk] = []
    lines: dict[str, int] = {}
    for number, line in _lines(path):
        talk = _talk(line, f"{path.name}, line {number}")
        if talk.name in lines:
            raise Invalid(f"{path.name}, line {number}, name", f"is that of line {lines[talk.name]} too")
        lines[talk.name] = number
        talks.append(talk)
    if not talks:
        raise Invalid(path.name, "has no talk")
    return talks


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line


def _talk(line: str, where: str) -> RecordedTalk:
    try:
        return RecordedTalk.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise Invalid(where, f"is not JSON: {error.msg} at column {error.colno}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise Invalid(f"{where}, {place}" if place else where, first["msg"].removeprefix("Value error, ")) from error
