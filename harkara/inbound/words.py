"""Interpret what a customer writes: an opt-out, an opt-in or an answer to a reminder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from harkara.inbound.word_lists import Vocabulary, normalize


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

    def __init__(self, vocabulary: Vocabulary) -> None:
        opt_out, opt_in, reminder = vocabulary.opt_out, vocabulary.opt_in, vocabulary.reminder
        self._consent: dict[str, Reply] = {
            **dict.fromkeys(opt_out.everything, OptOut()),
            **dict.fromkeys(opt_out.marketing, OptOut("marketing")),
            **dict.fromkeys(opt_in.everything, OptIn()),
            **dict.fromkeys(opt_in.marketing, OptIn("marketing")),
        }
        self._answers: dict[str, Reply] = {
            **dict.fromkeys(reminder.confirm, Confirm()),
            **dict.fromkeys(reminder.cancel, Cancel()),
            **dict.fromkeys(reminder.reschedule, Reschedule()),
        }

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load config/words.toml. Raises Invalid, which names the list and its fault."""
        return cls(Vocabulary.load(path))

    def interpret(self, text: str | None, payload: str | None, *, reminder_open: bool) -> Reply | None:
        """Return the meaning of a text, or of a tapped button's `payload`; None leaves the message to a person.

        CANCEL is an opt-out word elsewhere (Twilio's list) and an answer here, so an open reminder has precedence. The
        button of a reminder that is over has no meaning; in particular it is no opt-out.
        """
        phrase = normalize(payload if payload is not None else text or "")
        answer = self._answers.get(phrase)
        if answer and reminder_open:
            return answer
        return None if answer and payload is not None else self._consent.get(phrase)
