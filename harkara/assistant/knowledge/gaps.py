"""Which questions the assistant could not answer, by how often they were asked: what the FAQ lacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import regex

from harkara.assistant.privacy import PLACEHOLDER, redact
from harkara.assistant.talk import HandOverCause
from harkara.inbound.word_lists import normalize

CAUSES: Final[tuple[HandOverCause, ...]] = ("unknown", "unsafe", "model")
"""Why a question was not answered: no knowledge answers it, the check refused the answer, or the model gave it up."""

_MAX_CHARACTERS = 200
_DIGITS = regex.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """What a customer wrote before a turn that answered nothing. `at` is the time of the turn, in UTC."""

    at: datetime
    texts: Sequence[str] = field(repr=False)
    """Oldest first; none if the retention has erased them."""
    number: str | None = field(repr=False)
    name: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A question without personal data, with `#` for its numbers: how often it was asked, and when last (UTC)."""

    question: str
    times: int
    last_at: datetime


def group_gaps(asked: Iterable[Unanswered]) -> list[Gap]:
    """Return the questions, the most frequent first, and of equal ones the newest.

    Case, punctuation, numbers and personal data make no difference; the newest spelling is shown.
    """
    found: dict[str, Gap] = {}
    for each in sorted(asked, key=lambda one: one.at):
        question = mask_question(each)
        if key := normalize(question):
            times = found[key].times if key in found else 0
            found[key] = Gap(question=question, times=times + 1, last_at=each.at)
    return sorted(found.values(), key=lambda gap: (gap.times, gap.last_at), reverse=True)


def mask_question(asked: Unanswered) -> str:
    """Return the question on one line, with placeholders such as `[card]` for what is personal."""
    text = redact(asked.texts, number=asked.number, name=asked.name).text
    text = PLACEHOLDER.sub(lambda found: f"[{found[0].strip('[]').rpartition('-')[0]}]", text)
    return _DIGITS.sub("#", " ".join(text.split()))[:_MAX_CHARACTERS]
