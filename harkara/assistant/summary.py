"""What a person who goes on with a talk must know: the order that was named, the subject and the last question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from harkara.assistant.knowledge.language import CustomerLanguage
from harkara.assistant.talk import HandOverCause

_LONGEST_QUESTION = 300
_CODE = re.compile(r"(?<![\w-])[A-Z]{1,6}[-#/]?[0-9]{2,12}(?![\w-])")
_NUMBERED = re.compile(
    r"(?:\border|\bbooking|\binvoice|\bbill|\btoken|ऑर्डर|बुकिंग)\s*(?:number|num|no\.?|id|नंबर)?\s*[:#-]?\s*"
    r"((?=[a-z-]*[0-9])[a-z0-9-]{2,20})(?![\w-])",
    re.IGNORECASE,
)
_LANGUAGES: Final[dict[CustomerLanguage, str]] = {"en": "English", "hi": "Hindi", "hi-Latn": "Hindi in Latin letters"}
CAUSES: Final[dict[HandOverCause, str]] = {
    "asked": "asks for a person",
    "anger": "is angry",
    "repeated": "asked the same twice",
    "robot": "asked twice whether a robot answers",
    "unknown": "asks what no knowledge answers",
    "unsafe": "asks what was not answered safely",
    "model": "needs a person, by the model",
    "failed": "got no answer from the model",
}


def named_order(texts: Sequence[str]) -> str | None:
    """Return the number of the order, booking or invoice that the texts name last, such as `ORD-1042`."""
    for text in reversed(texts):
        found = [*(match[0] for match in _CODE.finditer(text)), *(match[1] for match in _NUMBERED.finditer(text))]
        if found:
            return found[-1]
    return None


def summarize(
    cause: HandOverCause, texts: Sequence[str], question: str, language: CustomerLanguage, about: str | None
) -> str:
    """Return the summary in English. `texts` are those of the customer and `question` the last burst, all redacted."""
    order = named_order(texts)
    parts = [
        f"The customer {CAUSES[cause]}.",
        f"Order: {order}." if order else "",
        f"About: {about}." if about else "",
        f"Language: {_LANGUAGES[language]}.",
        f"Last question: {_short(question)}" if question.strip() else "Last message: a photo, recording or file.",
    ]
    return " ".join(part for part in parts if part)


def _short(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _LONGEST_QUESTION else f"{line[: _LONGEST_QUESTION - 1]}…"
