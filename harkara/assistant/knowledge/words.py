"""The words of a question in one spelling: without script, plural and doubled letters, and synonyms as one concept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self

import regex
from pydantic import BaseModel, ConfigDict, Field, model_validator

from harkara.assistant.knowledge.transliteration import DEVANAGARI, transliterate
from harkara.inbound.word_lists import Phrases, SomePhrases, normalize
from harkara.text_files import is_missing
from harkara.toml import load_toml, validate

_MIN_SKELETON = 3
"""Sounds that a word must have to be found in another spelling: with fewer, too many words are alike."""

_MIN_MISTYPED = 5
"""Letters that a word must have to be found with one letter wrong, missing, doubled or exchanged."""

_CONCEPT = "="

_HINDI_PLURAL = regex.compile(r"(?<=[\p{L}\p{M}]{2})(?:ियाँ|ियां|ियों|ों|ें)$")
_HINDI_SINGULAR = {"ियाँ": "ी", "ियां": "ी", "ियों": "ी"}
_ONE_SOUND = [
    (regex.compile(pattern), sound)
    for pattern, sound in (
        ("ch", "C"),
        ("c(?=[eiy])|ss", "s"),
        ("c|q|ck", "k"),
        ("C", "ch"),
        ("ph", "f"),
        ("aa+", "a"),
        ("ee+|ii+|ie$|y$", "i"),
        ("oo+|uu+", "u"),
        ("w", "v"),
        ("z", "j"),
        ("(?<=[aeiou])y(?=[ei])", ""),
        (r"([^\W\d])\1+", r"\1"),
    )
]
_SOUNDS = str.maketrans({"a": "", "e": "i", "y": "i", "o": "u"})


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WordWeights(_Section):
    """Words that say little about the question."""

    ignored: Phrases = ()
    weak: Phrases = ()


class HinglishWords(_Section):
    """Words that only Hindi in Latin letters has."""

    words: Phrases = ()


class Synonyms(_Section):
    """The file config/synonyms.toml."""

    weights: WordWeights = WordWeights()
    hinglish: HinglishWords = HinglishWords()
    concepts: Annotated[Mapping[str, SomePhrases], Field()] = {}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load and validate the file; a missing one has no synonyms.

        Raises Invalid, which names the list and its fault.
        """
        return validate(cls, {} if is_missing(path) else load_toml(path), path.name)

    def with_same(self, groups: Iterable[Sequence[str]]) -> Self:
        """Return the synonyms with the `groups` of an FAQ, each of words that mean the same.

        A group joins the list that has one of its words, and makes one of two such lists: in that business they mean
        the same.
        """
        concepts = dict(self.concepts)
        for group in groups:
            keys = set(map(_keys, map(normalize, group)))
            same = [name for name, phrases in concepts.items() if not keys.isdisjoint(map(_keys, phrases))]
            joined = dict.fromkeys([*(each for name in same for each in concepts.pop(name)), *map(normalize, group)])
            concepts[same[0] if same else f"own {min(joined)}"] = tuple(joined)
        return self.model_copy(update={"concepts": concepts})

    @model_validator(mode="after")
    def _one_concept_each(self) -> Self:
        seen: dict[tuple[str, ...], str] = {}
        for concept, phrases in self.concepts.items():
            for key in map(_keys, phrases):
                if (other := seen.setdefault(key, concept)) != concept:
                    raise ValueError(f'"{" ".join(key)}" is in {other} and in {concept}: keep it in one')
        return self


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a question, or the concept that it shares with its synonyms."""

    key: str
    weak: bool = False
    number: bool = False

    @property
    def is_concept(self) -> bool:
        """Whether the synonyms have a list for it."""
        return self.key.startswith(_CONCEPT)


class Vocabulary:
    """Turns texts into terms by the synonyms; a word in an unknown spelling becomes the term that sounds alike."""

    def __init__(self, synonyms: Synonyms) -> None:
        concepts = {
            _keys(phrase): f"{_CONCEPT}{name}" for name, phrases in synonyms.concepts.items() for phrase in phrases
        }
        weights = synonyms.weights
        self._ignored = {_keys(phrase) for phrase in weights.ignored} - concepts.keys()
        self._weak = {key for phrase in weights.weak for key in (_keys(phrase),)}
        self._weak_concepts = {concepts[key] for key in self._weak if key in concepts}
        self._concepts = concepts
        self._longest = max(map(len, (*concepts, *self._ignored, ("",))))
        self._known = {word for key in (*concepts, *self._ignored, *self._weak) for word in key}
        self._hinglish = set(synonyms.hinglish.words)
        self._alike: dict[str, str] = {}
        self._mistyped: dict[str, str] = {}
        self._learn(self._known)

    def learn(self, texts: Iterable[str]) -> None:
        """Let unknown spellings of the words of these texts be found too."""
        words = {key for text in texts for key in _keys(normalize(text)) if not any(map(str.isdigit, key))}
        self._learn({key for key in words - self._known if self._sounds_like(key) is None})

    def _learn(self, words: set[str]) -> None:
        """Add words; of two that are alike, the one added first is meant, or else the first in alphabetical order."""
        self._known |= words
        for word in sorted(words):
            if len(skeleton := _skeleton(word)) >= _MIN_SKELETON:
                self._alike.setdefault(skeleton, word)
            for typed in _mistyped(word):
                self._mistyped.setdefault(typed, word)

    def terms(self, text: str) -> list[Term]:
        """Return the terms of a text in their order, without the ignored ones."""
        keys = [self._spelled(key) for key in _keys(normalize(text))]
        return list(self._grouped(keys))

    def is_hinglish(self, text: str) -> bool:
        """Whether a text in Latin letters is Hindi."""
        return bool(self._hinglish.intersection(normalize(text).split()))

    def _spelled(self, key: str) -> str:
        if key in self._known or any(map(str.isdigit, key)):
            return key
        return self._sounds_like(key) or self._typed_like(key) or key

    def _sounds_like(self, key: str) -> str | None:
        return self._alike.get(_skeleton(key))

    def _typed_like(self, key: str) -> str | None:
        found = {word for typed in _mistyped(key) if (word := self._mistyped.get(typed))}
        return min((word for word in found if _differ_by_one(key, word)), default=None)

    def _grouped(self, keys: list[str]) -> Iterator[Term]:
        at = 0
        while at < len(keys):
            end = next(
                (end for end in range(min(at + self._longest, len(keys)), at, -1) if self._names(keys[at:end])), 0
            )
            phrase = tuple(keys[at : end or at + 1])
            at += len(phrase)
            if phrase not in self._ignored:
                yield self._term(phrase)

    def _names(self, keys: list[str]) -> bool:
        return tuple(keys) in self._concepts or tuple(keys) in self._ignored

    def _term(self, phrase: tuple[str, ...]) -> Term:
        concept = self._concepts.get(phrase)
        key = concept or phrase[0]
        weak = phrase in self._weak or concept in self._weak_concepts
        return Term(key, weak, number=any(map(str.isdigit, key)))


def _keys(phrase: str) -> tuple[str, ...]:
    return tuple(_key(word) for word in phrase.split())


@lru_cache(maxsize=16_384)  # an FAQ has most of its words many times
def _key(word: str) -> str:
    """Return the form in which the spellings of a word are equal: कहाँ and `kahan` are `kahan`."""
    if DEVANAGARI.search(word):
        word = transliterate(_HINDI_PLURAL.sub(lambda end: _HINDI_SINGULAR.get(end[0], ""), word))
    word = _singular(word)
    for pattern, sound in _ONE_SOUND:
        word = pattern.sub(sound, word)
    return word


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _skeleton(key: str) -> str:
    """Return the sounds, without each `a` after the first letter: `badalna` and `badlna` are equal."""
    return key[:1] + key[1:].translate(_SOUNDS)


def _mistyped(word: str) -> Iterator[str]:
    """Yield the word, and the word without each of its letters but the first."""
    if len(word) >= _MIN_MISTYPED:
        yield word
        yield from (word[:at] + word[at + 1 :] for at in range(1, len(word)))


def _differ_by_one(one: str, other: str) -> bool:
    """Whether a letter is wrong, missing or one too many, or two neighbors are exchanged."""
    start = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return abs(len(one) - len(other)) <= 1
    a, b = one[start:], other[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
