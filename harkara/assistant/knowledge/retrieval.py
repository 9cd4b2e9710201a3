"""Finds the entries of the FAQ that answer a question. It imports numpy: only where the assistant is on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import bm25s
import numpy as np

from harkara.assistant.knowledge.faq import Faq
from harkara.assistant.knowledge.words import Synonyms, Term, Vocabulary

THRESHOLD: Final = 0.63
"""The default score from which an entry answers: chosen on the questions of the tests, in favor of silence."""

MARGIN: Final = 0.15
"""Two entries whose scores are nearer to each other than this are ambiguous, so that neither answers."""

_CANDIDATES = 24
"""Variants of questions that BM25 ranks first, among which the score decides."""

_WEAK = 0.35
_UNKNOWN = 0.6
"""How much a word counts that no entry has: it may change the question, or say nothing."""
_UNKNOWN_BESIDE_ONE = 1.0
"""The same if only one subject is asked for: braces for knees are no braces."""
_OTHER_CONCEPT = 1.0
"""The same for a word of the synonyms: it is a subject that the FAQ does not have."""

_ASKED_SHARE = 0.7
"""How much it counts that the entry has the words asked, against that the question has the variant's words."""
_SHARED = 0.25
"""How much less a word says with each further entry that has it."""

_OTHER_SUBJECT = 0.85
"""Factor where each has a subject that the other lacks: to cancel an order is not to cancel an appointment."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that may answer. `score` is from 0 to 1, and does not depend on how many entries there are."""

    entry: str
    score: float
    question: str
    """The variant of the question that is nearest."""


@dataclass(frozen=True, slots=True)
class _Variant:
    entry: str
    question: str
    terms: frozenset[Term]


class FaqIndex:
    """The variants of all questions, in memory."""

    def __init__(self, faq: Faq, synonyms: Synonyms) -> None:
        self.vocabulary = Vocabulary(synonyms.with_same(faq.synonyms))
        asked = [(each.id, question) for each in faq.entries for question in each.questions]
        self.vocabulary.learn(question for _, question in asked)
        found = [_Variant(entry, question, frozenset(self.vocabulary.terms(question))) for entry, question in asked]
        self._variants = [each for each in found if any(not term.weak for term in each.terms)]
        self._words = _words_of_entries(self._variants)
        self._entries_with: dict[str, int] = {}
        for words in self._words.values():
            for key in {term.key for term in words}:
                self._entries_with[key] = self._entries_with.get(key, 0) + 1
        self._ranking = bm25s.BM25(method="lucene", backend="numpy", csc_backend="numpy") if self._variants else None
        if self._ranking:
            self._ranking.index(
                [sorted(term.key for term in each.terms) for each in self._variants], show_progress=False
            )

    def find(self, question: str, limit: int = 3) -> list[Hit]:
        """Return the entries that are most like the question, best first; of equal ones the first id."""
        terms = self._asked(question)
        keys = sorted(term.key for term in terms if term.key in self._entries_with)
        if not keys:
            return []
        best: dict[str, Hit] = {}
        for at in self._candidates(keys):
            variant = self._variants[at]
            hit = Hit(variant.entry, round(self._score(terms, variant), 4), variant.question)
            if hit.score and (variant.entry not in best or hit.score > best[variant.entry].score):
                best[variant.entry] = hit
        return sorted(best.values(), key=lambda hit: (-hit.score, hit.entry))[:limit]

    def answer(self, question: str, threshold: float = THRESHOLD) -> Hit | None:
        """Return the entry that answers, or None where none is near enough or two are equally near."""
        best, *others = [*self.find(question, 2), None]
        if best is None or best.score < threshold:
            return None
        ambiguous = best.score < 1 and others[0] is not None and others[0].score > best.score - MARGIN
        return None if ambiguous else best

    def _asked(self, question: str) -> frozenset[Term]:
        """Return the terms of a question; a number that no entry has is an order's or a date, and says nothing."""
        return frozenset(
            term for term in self.vocabulary.terms(question) if not term.number or term.key in self._entries_with
        )

    def _candidates(self, keys: Sequence[str]) -> Iterable[int]:
        scores = np.asarray(self._ranking.get_scores(list(keys))) if self._ranking else np.zeros(0)
        order = np.lexsort((np.arange(len(scores)), -np.round(scores, 3)))
        return [int(at) for at in order[:_CANDIDATES] if scores[at] > 0]

    def _score(self, asked: frozenset[Term], variant: _Variant) -> float:
        """Return the weighted mean of two shares: of the words asked in the entry, and of the variant's asked."""
        common = asked & variant.terms
        if all(term.weak for term in common):
            return 0.0
        known = self._weight(asked & self._words[variant.entry])
        weight = self._weight(common)
        unknown = _UNKNOWN_BESIDE_ONE if sum(not term.weak for term in common) == 1 else _UNKNOWN
        if self._about_another(asked - self._words[variant.entry]) and self._about_another(variant.terms - common):
            known, weight = known * _OTHER_SUBJECT, weight * _OTHER_SUBJECT
        lacking = _ASKED_SHARE * self._weight(asked, unknown) / known
        return 1 / (lacking + (1 - _ASKED_SHARE) * self._weight(variant.terms) / weight)

    def _about_another(self, terms: Iterable[Term]) -> bool:
        return any(not term.weak and term.key in self._entries_with for term in terms)

    def _weight(self, terms: Iterable[Term], unknown: float = _UNKNOWN) -> float:
        return sum((_WEAK if term.weak else 1.0) * self._rarity(term, unknown) for term in sorted(terms, key=_by_key))

    def _rarity(self, term: Term, unknown: float) -> float:
        """Return 1 for a word of one entry, less for one of several; entries with other words change nothing."""
        if entries := self._entries_with.get(term.key):
            return 1 / (1 + _SHARED * (entries - 1))
        return _OTHER_CONCEPT if term.is_concept else unknown


def _words_of_entries(variants: Iterable[_Variant]) -> Mapping[str, frozenset[Term]]:
    words: dict[str, frozenset[Term]] = {}
    for each in variants:
        words[each.entry] = words.get(each.entry, frozenset()) | each.terms
    return words


def _by_key(term: Term) -> str:
    return term.key
