"""What a customer's answer means: the words of config/words.toml, checked when they are read."""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import regex
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from harkara.errors import Invalid


@dataclass(frozen=True, slots=True)
class OptOut:
    """Send no more; None is of anything."""

    category: Literal["marketing"] | None = None


@dataclass(frozen=True, slots=True)
class OptIn:
    """Send again; None is anything."""

    category: Literal["marketing"] | None = None


@dataclass(frozen=True, slots=True)
class Confirm:
    """Will come."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Will not come."""


@dataclass(frozen=True, slots=True)
class Reschedule:
    """Wants another time."""


Reply = OptOut | OptIn | Confirm | Cancel | Reschedule


class Words:
    """Judges answers by its table, which an operator may change without new code."""

    def __init__(self, table: Table) -> None:
        self._consent = table.consent()
        self._answers = table.answers()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises Invalid, which names the list and what is wrong with it."""
        return cls(Table.load(path))

    def judge(self, text: str | None, payload: str | None, *, reminder_open: bool) -> Reply | None:
        """What a message says, or the button that was tapped; None is for a person to read.

        CANCEL and END are opt-out words elsewhere (Twilio's list) and answers here, so a reminder that is open comes
        first. The button of one that is over says nothing any more, least of all a wish to hear no more.
        """
        said = normalise(payload if payload is not None else text or "")
        answer = self._answers.get(said)
        if answer and reminder_open:
            return answer
        return None if answer and payload is not None else self._consent.get(said)


def normalise(said: str) -> str:
    """The words alone, in one form and case, one space between them; without any word the first emoji.

    What is invisible, and an apostrophe, goes without leaving a gap.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", said).casefold())
    marks = [(mark, unicodedata.category(mark)) for mark in _WITHIN_WORDS.sub("", folded)]
    if any(kind[0] in "LN" for _, kind in marks):
        return " ".join("".join(mark if kind[0] in "LMN" else " " for mark, kind in marks).split())
    return next((mark for mark, kind in marks if kind == "So"), "")


_WITHIN_WORDS = regex.compile(r"[\p{Cf}\p{Me}'’\uFE00-\uFE0F]")


def _phrase(value: str) -> str:
    if phrase := normalise(value):
        return phrase
    raise ValueError("must have a word or an emoji")


Phrases = tuple[Annotated[str, AfterValidator(_phrase)], ...]
SomePhrases = Annotated[Phrases, Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Consent(_Model):
    """Words for everything, and for campaigns alone."""

    everything: SomePhrases
    marketing: Phrases = ()


class Answers(_Model):
    """Words that answer a reminder."""

    confirm: SomePhrases
    cancel: SomePhrases
    reschedule: SomePhrases


class Table(_Model):
    """The whole file."""

    opt_out: Consent = Field(alias="opt-out")
    opt_in: Consent = Field(alias="opt-in")
    reminder: Answers

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises Invalid, which names the list and what is wrong with it."""
        try:
            data = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise Invalid(path.name, f"cannot be read as TOML: {error}") from error
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            deepest = max(error.errors(), key=lambda each: len(each["loc"]))  # the innermost knows best what is wrong
            place = ".".join(map(str, deepest["loc"])) or "the file"
            raise Invalid(f"{path.name}, {place}", deepest["msg"].removeprefix("Value error, ")) from error

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Self:
        self.consent()
        self.answers()
        return self

    def consent(self) -> dict[str, Reply]:
        """The reply that each opt-out and opt-in word is. Raises ValueError for a word with two meanings."""
        return _meanings(
            (OptOut(), self.opt_out.everything),
            (OptOut("marketing"), self.opt_out.marketing),
            (OptIn(), self.opt_in.everything),
            (OptIn("marketing"), self.opt_in.marketing),
        )

    def answers(self) -> dict[str, Reply]:
        """The same for the answers to a reminder."""
        answers = self.reminder
        return _meanings((Confirm(), answers.confirm), (Cancel(), answers.cancel), (Reschedule(), answers.reschedule))


def _meanings(*lists: tuple[Reply, Phrases]) -> dict[str, Reply]:
    found: dict[str, Reply] = {}
    for reply, phrases in lists:
        for phrase in phrases:
            if found.setdefault(phrase, reply) != reply:
                raise ValueError(f'"{phrase}" has two meanings')
    return found
