"""What one account knows about a person: which messages they allow, and how their 24-hour window stands."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Self, get_args

from harkara.errors import Invalid
from harkara.inbound.normalization import clean_text
from harkara.inbound.window import WindowState, window_state
from harkara.messages.fields import validate_short_name
from harkara.messages.validation import field_path
from harkara.people.names import is_user_id, normalize_stored
from harkara.times import bounded, clamped, to_utc

ConsentAction = Literal["opt-out", "opt-in"]

ConsentCategory = Literal["everything", "marketing"]
"""The messages that an opt-out or an opt-in is about."""

ConsentSource = Literal["customer", "operator", "import", "application"]
"""Where the choice comes from: the person's own message, an operator, a CSV file or the application."""

_ACTIONS: tuple[ConsentAction, ...] = get_args(ConsentAction)
_CATEGORIES: tuple[ConsentCategory, ...] = get_args(ConsentCategory)
_FUTURE = timedelta(days=1)
"""How far in the future a choice may lie: the clocks of two hosts differ, and a choice of tomorrow is a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentChoice:
    """One opt-out or opt-in of a person, with its proof.

    `recipient` is a name of the person: digits or a user id. `how` is the source of the choice, `proof` the words or
    the form that show it, and `at` the time of the choice in UTC.
    """

    recipient: str = field(repr=False)
    action: ConsentAction
    category: ConsentCategory
    how: ConsentSource
    proof: str = field(repr=False)
    at: datetime

    @classmethod
    def parse(cls, recipient: str, *, action: str, category: str, how: ConsentSource, proof: str, at: datetime) -> Self:
        """Validate a choice that a third party reports about the person. Raises Invalid.

        A time in the future is valid up to a day, since another host's clock may be ahead. The ledger records its own
        time then.
        """
        with field_path("at"):
            at = to_utc(at)
        if at > datetime.now(UTC) + _FUTURE:
            raise Invalid("at", "is in the future", at.isoformat(timespec="seconds"))
        return cls._validated(recipient, action, category, how, proof, at)

    @classmethod
    def _validated(
        cls, recipient: str, action: str, category: str, how: ConsentSource, proof: str, at: datetime
    ) -> Self:
        if action not in _ACTIONS:
            raise Invalid("wish", f"must be {' or '.join(_ACTIONS)}")
        if category not in _CATEGORIES:
            raise Invalid("category", f"must be {' or '.join(_CATEGORIES)}")
        if (words := clean_text(proof)) is None:
            raise Invalid("proof", "is empty: name the form, the call or the words that show the choice")
        with field_path("at"):
            at = bounded(at)
        return cls(recipient=recipient, action=action, category=category, how=how, proof=words, at=at)

    def to_json(self, lane: str) -> str:
        """Render the choice and its lane for `from_json`. Raises Invalid for a lane name that breaks the rules."""
        fields = {"recipient": self.recipient, "wish": self.action, "category": self.category, "proof": self.proof}
        return json.dumps(fields | {"lane": validate_lane(lane), "at": self.at.isoformat()}, ensure_ascii=False)

    @classmethod
    def from_json(cls, data: str) -> tuple[str, Self]:
        """Parse what `to_json` rendered: the lane and the choice, whose source is the application. Raises Invalid.

        No time is refused: the choice was handed over, and its producer is gone.
        """
        try:
            fields = json.loads(data)
            to = _name(fields.pop("recipient"))
            lane, at = validate_lane(fields.pop("lane")), clamped(datetime.fromisoformat(fields.pop("at")))
            action = fields.pop("wish")
            return lane, cls._validated(to, action, fields["category"], "application", fields["proof"], at)
        except Invalid:
            raise
        except (ValueError, OverflowError, TypeError, KeyError, AttributeError):
            raise Invalid("wish", "is not a consent choice: it must be the JSON of to_json") from None


def _name(text: str) -> str:
    return text if is_user_id(text) else normalize_stored(text)


def validate_lane(name: str) -> str:
    """Return the name of a lane. Raises Invalid for one that no lane can have: the choice would concern no one."""
    with field_path("lane"):
        return validate_short_name(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactState:
    """What an account knows about a person; the default is an unknown person.

    `wrote_at` is the time of their last message, of any kind. `stopped` names the messages that they opted out of.
    `agreed_at` is the time of their last opt-in to marketing, unless an opt-out followed. `chosen_at` is the time of
    their last choice.
    """

    wrote_at: datetime | None = None
    stopped: ConsentCategory | None = None
    agreed_at: datetime | None = None
    chosen_at: datetime | None = None

    def objection(self, category: str) -> str | None:
        """Return why this person must not get a message of this category, as a predicate; None allows the message.

        An opt-out of everything still lets authentication codes pass: without them the person is locked out. It also
        lets replies pass once the person has written again.
        """
        if self.stopped == "everything" and category != "authentication":
            if category == "reply" and self._wrote_since_choice():
                return None
            return "wants no more messages: only one-time codes are sent, and replies once they have written again"
        if self.stopped == "marketing" and category == "marketing":
            return "wants no more marketing"
        return None

    def window(self, now: datetime, *, webhooks_enabled: bool) -> WindowState:
        """Return the state of the 24-hour window; a lane that receives no webhooks cannot know it."""
        if webhooks_enabled and self.wrote_at is None:
            return WindowState("shut", 0.0)
        return window_state(self.wrote_at if webhooks_enabled else None, now)

    def with_choice(self, choice: ConsentChoice) -> ContactState:
        """Return the contact after one more choice; choices must be applied in the order of their times.

        An opt-in to marketing is also an opt-in to messages, but not the other way round.
        """
        marketing = choice.category == "marketing"
        if choice.action == "opt-in":
            agreed_at = choice.at if marketing else self.agreed_at
            return replace(self, stopped=None, agreed_at=agreed_at, chosen_at=choice.at)
        stopped: ConsentCategory = "marketing" if marketing and self.stopped != "everything" else "everything"
        return replace(self, stopped=stopped, agreed_at=None, chosen_at=choice.at)

    def _wrote_since_choice(self) -> bool:
        return bool(self.wrote_at and self.chosen_at and self.wrote_at > self.chosen_at)


UNKNOWN_CONTACT = ContactState()
