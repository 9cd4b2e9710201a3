"""The words that customers answer with, as they stand in config/words.toml, checked when they are read."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Annotated, Self

import regex
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from harkara.toml import load_toml, validate


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

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Self:
        _check_apart(self.confirm, self.cancel, self.reschedule)
        return self


class Vocabulary(_Model):
    """The whole file; every phrase is normalised."""

    opt_out: Consent = Field(alias="opt-out")
    opt_in: Consent = Field(alias="opt-in")
    reminder: Answers

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises Invalid, which names the list and what is wrong with it."""
        return validate(cls, load_toml(path), path.name)

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Self:
        out, back = self.opt_out, self.opt_in
        _check_apart(out.everything, out.marketing, back.everything, back.marketing)
        return self


def _check_apart(*lists: Phrases) -> None:
    seen: set[str] = set()
    for phrases in map(set, lists):
        if both := seen & phrases:
            raise ValueError(f'"{min(both)}" has two meanings')
        seen |= phrases
