"""What a customer's answer means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from harkara.inbound.vocabulary import Vocabulary, normalise


@dataclass(frozen=True, slots=True)
class OptOut:
    """Send no more; None is of anything."""

    category: Literal["marketing"] | None = None


@dataclass(frozen=True, slots=True)
class OptIn:
    """Send again; None is anything."""

    category: Literal["marketing"] | None = None


@dataclass(frozen=True, slots=True)
class Confirm:
    """Will come."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Will not come."""


@dataclass(frozen=True, slots=True)
class Reschedule:
    """Wants another time."""


Reply = OptOut | OptIn | Confirm | Cancel | Reschedule


class Words:
    """Judges answers by the vocabulary, which an operator may change without new code."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        out, back, reminder = vocabulary.opt_out, vocabulary.opt_in, vocabulary.reminder
        self._consent: dict[str, Reply] = {
            **dict.fromkeys(out.everything, OptOut()),
            **dict.fromkeys(out.marketing, OptOut("marketing")),
            **dict.fromkeys(back.everything, OptIn()),
            **dict.fromkeys(back.marketing, OptIn("marketing")),
        }
        self._answers: dict[str, Reply] = {
            **dict.fromkeys(reminder.confirm, Confirm()),
            **dict.fromkeys(reminder.cancel, Cancel()),
            **dict.fromkeys(reminder.reschedule, Reschedule()),
        }

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises Invalid, which names the list and what is wrong with it."""
        return cls(Vocabulary.load(path))

    def judge(self, text: str | None, payload: str | None, *, reminder_open: bool) -> Reply | None:
        """What a message says, or the button that was tapped; None is for a person to read.

        CANCEL is an opt-out word elsewhere (Twilio's list) and an answer here, so a reminder that is open comes
        first. The button of one that is over says nothing any more, least of all a wish to hear no more.
        """
        said = normalise(payload if payload is not None else text or "")
        answer = self._answers.get(said)
        if answer and reminder_open:
            return answer
        return None if answer and payload is not None else self._consent.get(said)
