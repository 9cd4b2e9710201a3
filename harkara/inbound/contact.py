"""A person as one account knows them: whether they let a message through, and how their 24-hour window stands."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Self, get_args

from harkara.errors import Invalid
from harkara.inbound.values import text
from harkara.inbound.window import Standing, standing
from harkara.messages.fields import validate_short_name
from harkara.messages.validation import field_path
from harkara.phone import normalise

Verb = Literal["opt-out", "opt-in"]

Category = Literal["everything", "marketing"]
"""What an opt-out or an opt-in is about."""

How = Literal["customer", "operator", "import", "application"]
"""Who said so: the person in a message, or somebody who knows it from elsewhere."""

_WISHES: tuple[Verb, ...] = get_args(Verb)
_CATEGORIES: tuple[Category, ...] = get_args(Category)
_CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to hear from an account, and the proof of it: when, how, and in which words."""

    recipient: str = field(repr=False)
    wish: Verb
    category: Category
    how: How
    proof: str = field(repr=False)
    at: datetime

    @classmethod
    def read(cls, recipient: str, *, wish: str, category: str, how: How, proof: str, at: datetime) -> Self:
        """What somebody says of another, checked. Raises Invalid."""
        if wish not in _WISHES:
            raise Invalid("wish", f"must be {' or '.join(_WISHES)}")
        if category not in _CATEGORIES:
            raise Invalid("category", f"must be {' or '.join(_CATEGORIES)}")
        if (words := text(proof)) is None:
            raise Invalid("proof", "must say how it is known: which form, which call, in which words")
        if at.utcoffset() is None:
            raise Invalid("at", "must have a time zone")
        if at > datetime.now(UTC) + _CLOCKS_DIFFER:
            raise Invalid("at", "has not come yet", at.isoformat(timespec="seconds"))
        return cls(recipient=recipient, wish=wish, category=category, how=how, proof=words, at=at.astimezone(UTC))

    def to_json(self, lane: str) -> str:
        """The wish and the lane that it is about, for `from_json`. Raises Invalid for a lane that cannot be."""
        fields = {name: getattr(self, name) for name in ("recipient", "wish", "category", "proof")}
        return json.dumps(fields | {"lane": _lane(lane), "at": self.at.isoformat()}, ensure_ascii=False)

    @classmethod
    def from_json(cls, said: str) -> tuple[str, Self]:
        """Reads what `to_json` wrote, which is an application's word, and checks it again. Raises Invalid."""
        try:
            fields = json.loads(said)
            to = normalise(f"+{fields.pop('recipient')}", strict=False)
            lane, at = _lane(fields.pop("lane")), datetime.fromisoformat(fields.pop("at"))
            return lane, cls.read(to, how="application", at=at, **fields)
        except Invalid:
            raise
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Invalid("wish", "must be JSON, as written by to_json") from None


def _lane(name: str) -> str:
    with field_path("lane"):
        return validate_short_name(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What is known of them; nothing yet is a contact, too.

    `stopped` is what they want no more of, `agreed_at` since when they want marketing, `wished_at` when they last said
    either. `wrote_at` is when they last wrote, be it that.
    """

    wrote_at: datetime | None = None
    stopped: Category | None = None
    agreed_at: datetime | None = None
    wished_at: datetime | None = None

    def objection(self, category: str) -> str | None:
        """What they said against a message of this category, as the end of a sentence; None lets it through.

        Who wants nothing more still gets the code that they ask for at this moment, without which they are locked out,
        and an answer once they have written again after that.
        """
        if self.stopped == "everything" and category != "authentication":
            if category == "reply" and self._wrote_since():
                return None
            return "wants no more messages; after that only codes may go, and answers once they have written again"
        if self.stopped == "marketing" and category == "marketing":
            return "wants no more marketing"
        return None

    def window(self, now: datetime, *, heard: bool) -> Standing:
        """How their window stands; `heard` is whether the account would know of a message from them at all."""
        if heard and self.wrote_at is None:
            return Standing("shut", 0.0)
        return standing(self.wrote_at if heard else None, now)

    def after(self, wish: Wish) -> Contact:
        """The contact with one more wish, in the order in which they were said.

        To ask for marketing is also to ask for messages; to ask for messages is not to ask for marketing.
        """
        marketing = wish.category == "marketing"
        if wish.wish == "opt-in":
            return replace(self, stopped=None, agreed_at=wish.at if marketing else self.agreed_at, wished_at=wish.at)
        stopped: Category = "marketing" if marketing and self.stopped != "everything" else "everything"
        return replace(self, stopped=stopped, agreed_at=None, wished_at=wish.at)

    def _wrote_since(self) -> bool:
        return bool(self.wrote_at and self.wished_at and self.wrote_at > self.wished_at)


NOBODY = Contact()
"""Of whom nothing is known."""
