"""Which language a customer writes: English, Hindi, or Hindi in Latin letters."""

from __future__ import annotations

from typing import Final, Literal

import regex

from harkara.assistant.knowledge.transliteration import DEVANAGARI
from harkara.assistant.knowledge.words import Vocabulary

CustomerLanguage = Literal["en", "hi", "hi-Latn"]

PREFERRED: Final[dict[CustomerLanguage, tuple[str, ...]]] = {
    "en": ("en", "hi-Latn", "hi"),
    "hi": ("hi", "hi-Latn", "en"),
    "hi-Latn": ("hi-Latn", "en", "hi"),
}
"""The languages of answers, best first: people who write Hindi in Latin letters often read no Devanagari."""

_LATIN = regex.compile(r"\p{Script=Latin}")


def detect_language(text: str, vocabulary: Vocabulary) -> CustomerLanguage:
    """Return the language of a text; of one with both scripts, that with more letters. Without letters, English."""
    devanagari = len(DEVANAGARI.findall(text))
    if devanagari and devanagari >= len(_LATIN.findall(text)):
        return "hi"
    return "hi-Latn" if vocabulary.is_hinglish(text) else "en"
