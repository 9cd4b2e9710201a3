"""Interpret what a customer writes: an opt-out, an opt-in or an answer to a reminder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from harkara.inbound.talk_words import TalkWords, without_phrases
from harkara.inbound.word_lists import WordLists, normalize


@dataclass(frozen=True, slots=True)
class OptOut:
    """The person wants no more messages of this category; None is every category."""

    category: Literal["marketing"] | None = None


@dataclass(frozen=True, slots=True)
class OptIn:
    """The person wants messages of this category again; None is every category."""

    category: Literal["marketing"] | None = None


@dataclass(frozen=True, slots=True)
class Confirm:
    """The person will come."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The person will not come."""


@dataclass(frozen=True, slots=True)
class Reschedule:
    """The person wants another time."""


Reply = OptOut | OptIn | Confirm | Cancel | Reschedule


class Words:
    """Interprets texts and buttons by the vocabulary, which an operator can change without new code."""

    def __init__(self, vocabulary: WordLists) -> None:
        self.talk = TalkWords(vocabulary)
        self._acknowledging = frozenset(vocabulary.alarm.acknowledge)
        self._still_needing = frozenset(vocabulary.reengagement.still)
        opt_out, opt_in, reminder = vocabulary.opt_out, vocabulary.opt_in, vocabulary.reminder
        self._polite = sorted(vocabulary.polite.words, key=len, reverse=True)
        self._consent: dict[str, Reply] = {
            **dict.fromkeys(opt_out.everything, OptOut()),
            **dict.fromkeys(opt_out.marketing, OptOut("marketing")),
            **dict.fromkeys(opt_in.everything, OptIn()),
            **dict.fromkeys(opt_in.marketing, OptIn("marketing")),
        }
        answers: dict[str, Reply] = {
            **dict.fromkeys(reminder.confirm, Confirm()),
            **dict.fromkeys(reminder.cancel, Cancel()),
            **dict.fromkeys(reminder.reschedule, Reschedule()),
        }
        self._answers = _Meanings(answers)
        # "please cancel" is about an order, also when no reminder is open; only a bare "cancel" is an opt-out.
        self._clear_consent = _Meanings({said: each for said, each in self._consent.items() if said not in answers})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load config/words.toml. Raises Invalid, which names the list and its fault."""
        return cls(WordLists.load(path))

    def acknowledges(self, text: str | None, payload: str | None) -> bool:
        """Return whether a text or a tapped button acknowledges an alarm, if it comes from an operator."""
        return normalize(payload or text or "") in self._acknowledging

    def still_needs_help(self, text: str | None, payload: str | None) -> bool:
        """Return whether a text or a tapped button answers the question whether someone still needs help by a yes."""
        said = {normalize(each) for each in (text, payload) if each}
        return (
            bool(said & self._still_needing)
            or without_phrases(normalize(text or ""), self._polite).strip() in self._still_needing
        )

    def interpret(self, text: str | None, payload: str | None, *, reminder_open: bool) -> Reply | None:
        """Return the meaning of a text or caption, or of a tapped button; None leaves the message to a person.

        `payload` is the id of the button or list row, and `text` is then its title. CANCEL is an opt-out word elsewhere
        (Twilio's list) and an answer here, so an open reminder has precedence.
        """
        said = normalize(text or "")
        if payload is not None:
            return self._tapped(normalize(payload), said, reminder_open=reminder_open)
        answer = self._meaning(said, self._answers) if reminder_open else None
        return answer or self._consent.get(said) or self._meaning(said, self._clear_consent)

    def _tapped(self, payload: str, title: str, *, reminder_open: bool) -> Reply | None:
        """The id says more than the title: a title is never an opt-in, since "Start" may begin anything.

        The button of a reminder that is over has no meaning. In particular it is no opt-out: an answer, whether it is
        the id or the title, never counts as consent.
        """
        answer = self._answers.of.get(payload) or self._answers.of.get(title)
        if answer and reminder_open:
            return answer
        if chosen := self._clear_consent.of.get(payload):
            return chosen
        titled = self._meaning(title, self._clear_consent)
        return titled if isinstance(titled, OptOut) else None

    def _meaning(self, said: str, meanings: _Meanings) -> Reply | None:
        """Return the meaning of a phrase, or the one that all phrases of these words share."""
        return meanings.of.get(said) or meanings.shared_by(without_phrases(said, self._polite).split())


class _Meanings:
    """Phrases and what each of them means."""

    def __init__(self, of: Mapping[str, Reply]) -> None:
        self.of = of
        self._longest = max(len(phrase.split()) for phrase in of)
        self._all = set(of.values())

    def shared_by(self, words: Sequence[str]) -> Reply | None:
        """Return the meaning if the words are only phrases that share it, as "stop stop" or "stop unsubscribe"."""
        shared: list[set[Reply]] = [self._all, *(set() for _ in words)]
        for start, possible in enumerate(shared):
            for end in range(start + 1, min(start + self._longest, len(words)) + 1) if possible else ():
                meaning = self.of.get(" ".join(words[start:end]))
                if meaning in possible:
                    shared[end].add(meaning)
        return next(iter(shared[-1]), None) if words else None
