"""Words that steer a talk with the assistant: for a person, in anger, about robots, and small talk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from harkara.inbound.anger import Anger
from harkara.inbound.word_lists import WordLists, normalize

_NEAR = 4
"""Words from one phrase to the other."""

SmallTalk = Literal["hello", "thanks", "acknowledged"]


class TalkWords:
    """Interprets what a customer writes to the assistant, by config/words.toml."""

    def __init__(self, vocabulary: WordLists) -> None:
        hand_over, small = vocabulary.hand_over, vocabulary.small_talk
        self._polite = _longest_first((*vocabulary.polite.words, *small.hello, *small.thanks))
        self._alone = frozenset(hand_over.alone)
        self._asked, self._robot, self._request = hand_over.asked, hand_over.robot, hand_over.request
        self._anger = Anger(hand_over.anger, hand_over.anger_context)
        self._small: dict[SmallTalk, Sequence[str]] = {
            "thanks": _longest_first(small.thanks),
            "hello": _longest_first(small.hello),
            "acknowledged": _longest_first(small.acknowledged),
        }
        self._asking_nothing = _longest_first(
            (*vocabulary.polite.words, *(phrase for phrases in self._small.values() for phrase in phrases))
        )

    def asks_person(self, text: str) -> bool:
        """Return whether the customer asks for a person."""
        said = normalize(text)
        rest = without_phrases(said, self._polite).strip()
        if said in self._alone or rest in self._alone or _contains(said, self._asked):
            return True
        return _near(said.split(), self._request.people, self._request.reach)

    def is_angry(self, text: str) -> bool:
        """Return whether the text has anger that is not denied."""
        return self._anger.is_in(text)

    def asks_for_robot(self, text: str) -> bool:
        """Return whether the customer asks if a machine answers."""
        return _contains(normalize(text), self._robot)

    def small_talk(self, text: str) -> SmallTalk | None:
        """Return what a text is that asks nothing; None for any other. Of several, thanks count before a hello."""
        said = normalize(text)
        if not said or without_phrases(said, self._asking_nothing).strip():
            return None
        return next((kind for kind, phrases in self._small.items() if _contains(said, phrases)), "acknowledged")


def without_phrases(said: str, phrases: Iterable[str]) -> str:
    """Return the words without these phrases, which are normalized, the longest first."""
    rest = f" {said} "
    for phrase in phrases:
        while f" {phrase} " in rest:
            rest = rest.replace(f" {phrase} ", " ")
    return rest


def _contains(said: str, phrases: Iterable[str]) -> bool:
    return any(f" {phrase} " in f" {said} " for phrase in phrases)


def _near(said: Sequence[str], some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether a phrase of each stands near to one of the other, so that both belong to one request."""
    one, other = ([*_spans(said, phrases)] for phrases in (some, others))
    return any(max(b - a_end, a - b_end) <= _NEAR for a, a_end in one for b, b_end in other)


def _spans(said: Sequence[str], phrases: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last word of each of the phrases."""
    for words in map(str.split, phrases):
        for at in range(len(said) - len(words) + 1):
            if list(said[at : at + len(words)]) == words:
                yield at, at + len(words) - 1


def _longest_first(phrases: Iterable[str]) -> list[str]:
    return sorted(phrases, key=len, reverse=True)
