"""Whether a customer is angry: words of anger, unless they are denied; accusations only if they mean the business."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import regex

from harkara.inbound.word_lists import AngerContext, Phrases, normalize

_ASKED_BEFORE, _ASKED_AFTER = 5, 3
"""Words from a complaint to the word that asks about it: "where do i file a complaint", "complaint kaise kare"."""

_CLAUSE_END = regex.compile(r"[.,;:!?।\n]+")


class Anger:
    """Finds anger by config/words.toml."""

    def __init__(self, anger: Phrases, context: AngerContext) -> None:
        self._anger = [phrase.split() for phrase in anger]
        self._complaints = [phrase.split() for phrase in context.complaints]
        self._asking = frozenset(context.asking)
        self._accusations = [phrase.split() for phrase in context.accusations]
        self._meant = [phrase.split() for phrase in context.meant]
        self._before, self._after = frozenset(context.denied_before), frozenset(context.denied_after)
        self._between = frozenset(context.between)

    def is_in(self, text: str) -> bool:
        """Return whether the text has anger: a word for it, a complaint, or an accusation of the business, not denied.

        A denial counts in its clause alone: "not angry" is none, "no, worst service" is.
        """
        clauses = [normalize(clause).split() for clause in _CLAUSE_END.split(text)]
        if any(self._stands(clause, self._anger) or self._complains(clause) for clause in clauses):
            return True
        accused = any(self._stands(clause, self._accusations) for clause in clauses)
        return accused and any(_places(clause, phrase) for clause in clauses for phrase in self._meant)

    def _complains(self, clause: Sequence[str]) -> bool:
        return self._stands(clause, self._complaints) and not any(
            self._asking.intersection(clause[max(0, at - _ASKED_BEFORE) : at + _ASKED_AFTER + 1])
            for phrase in self._complaints
            for at in _places(clause, phrase)
        )

    def _stands(self, clause: Sequence[str], phrases: Iterable[Sequence[str]]) -> bool:
        return any(
            not self._denied(clause, start, start + len(phrase))
            for phrase in phrases
            for start in _places(clause, phrase)
        )

    def _denied(self, clause: Sequence[str], start: int, end: int) -> bool:
        before = next((word for word in reversed(clause[:start]) if word not in self._between), None)
        after = next((word for word in clause[end:] if word not in self._between), None)
        return before in self._before or after in self._after


def _places(clause: Sequence[str], phrase: Sequence[str]) -> list[int]:
    if phrase[0] not in clause:
        return []
    size = len(phrase)
    return [at for at in range(len(clause) - size + 1) if list(clause[at : at + size]) == list(phrase)]
