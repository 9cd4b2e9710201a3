"""The words that customers answer with: the contents of config/words.toml, validated when loaded."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self

import regex
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from harkara.toml import load_toml, validate


@lru_cache(maxsize=512)  # one message is compared with many lists
def normalize(text: str) -> str:
    """Return the words alone, in one form and case, with one space between them; without any word, the first emoji.

    Invisible characters and apostrophes disappear without leaving a gap. A letter that is repeated more than twice
    counts once, as in "stoppp".
    """
    lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    short = _STRETCHED.sub(r"\1", _WITHIN_WORDS.sub("", lower))
    characters = [(character, unicodedata.category(character)) for character in short]
    if any(kind[0] in "LN" for _, kind in characters):
        return " ".join("".join(one if kind[0] in "LMN" else " " for one, kind in characters).split())
    return next((one for one, kind in characters if kind == "So"), "")


_WITHIN_WORDS = regex.compile(r"[\p{Cf}\p{Me}'’\uFE00-\uFE0F]")
_STRETCHED = regex.compile(r"(\p{L})\1{2,}")


def _phrase(value: str) -> str:
    if phrase := normalize(value):
        return phrase
    raise ValueError('must have a word or an emoji, for example "stop"')


Phrases = tuple[Annotated[str, AfterValidator(_phrase)], ...]
SomePhrases = Annotated[Phrases, Field(min_length=1)]


def _check_distinct(*lists: Phrases) -> None:
    seen: set[str] = set()
    for phrases in map(set, lists):
        if both := seen & phrases:
            raise ValueError(f'"{min(both)}" has two meanings: keep it in one list')
        seen |= phrases


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConsentPhrases(_Model):
    """Phrases for all messages, and for marketing alone."""

    everything: SomePhrases
    marketing: Phrases = ()


class ReminderPhrases(_Model):
    """Phrases that answer a reminder."""

    confirm: SomePhrases
    cancel: SomePhrases
    reschedule: SomePhrases

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Self:
        _check_distinct(self.confirm, self.cancel, self.reschedule)
        return self


class PolitePhrases(_Model):
    """Phrases without a meaning of their own."""

    words: Phrases = ()


class AlarmPhrases(_Model):
    """Phrases by which an operator acknowledges an alarm."""

    acknowledge: SomePhrases


class AngerContext(_Model):
    """Words around those of anger."""

    complaints: Phrases = ()
    """Count as anger, unless one of `asking` stands near: where to complain is a question."""
    asking: Phrases = ()
    accusations: Phrases = ()
    """Count as anger only in a message that has one of `meant`, too."""
    meant: Phrases = ()
    denied_before: Phrases = Field(default=(), alias="denied-before")
    denied_after: Phrases = Field(default=(), alias="denied-after")
    """Words that deny what stands after or before them."""
    between: Phrases = ()
    """Words that may stand between a denial and what it denies."""


class RequestWords(_Model):
    """Two phrases near to each other that ask for a person: one for people, and one such as "talk"."""

    people: Phrases = ()
    reach: Phrases = ()


class HandOverPhrases(_Model):
    """Phrases after which a person is to go on: alone in a message, or wherever they stand in it."""

    alone: Phrases = ("agent", "एजेंट")
    asked: Phrases = ()
    anger: Phrases = ()
    robot: Phrases = ()
    request: RequestWords = RequestWords()
    anger_context: AngerContext = Field(default=AngerContext(), alias="anger-context")

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Self:
        context = self.anger_context
        _check_distinct(self.asked, self.anger, context.complaints, context.accusations, self.robot)
        return self


class SmallTalkPhrases(_Model):
    """Phrases that ask nothing."""

    hello: Phrases = ()
    thanks: Phrases = ()
    acknowledged: Phrases = ()

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Self:
        _check_distinct(self.hello, self.thanks, self.acknowledged)
        return self


class ReengagementPhrases(_Model):
    """Phrases of who still needs help."""

    still: SomePhrases = ("yes", "haan", "हाँ")


class WordLists(_Model):
    """The whole file; every phrase is normalized. A file of an older release lacks the sections that have a default."""

    polite: PolitePhrases = PolitePhrases(words=("please", "pls", "plz", "kindly", "thank you", "thanks"))
    opt_out: ConsentPhrases = Field(alias="opt-out")
    opt_in: ConsentPhrases = Field(alias="opt-in")
    reminder: ReminderPhrases
    alarm: AlarmPhrases = AlarmPhrases(acknowledge=("ok", "okay"))
    hand_over: HandOverPhrases = Field(default=HandOverPhrases(), alias="hand-over")
    reengagement: ReengagementPhrases = Field(default=ReengagementPhrases(), alias="re-engagement")
    small_talk: SmallTalkPhrases = Field(default=SmallTalkPhrases(), alias="small-talk")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load and validate the file. Raises Invalid, which names the list and its fault."""
        return validate(cls, load_toml(path), path.name)

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Self:
        _check_distinct(self.opt_out.everything, self.opt_out.marketing, self.opt_in.everything, self.opt_in.marketing)
        return self
