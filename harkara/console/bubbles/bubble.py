"""The parts of a bubble: plain texts, which the template escapes and formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, NamedTuple, Self

from harkara.console.languages import N_
from harkara.masking import mask_numbers
from harkara.states import State

HIDDEN: Final = "••••••"
"""What stands in place of each value of a message with a one-time code."""

Ticks = Literal["clock", "one", "two", "read", "doubt", "failed", "cancelled"]


class StateMark(NamedTuple):
    """How a bubble shows a state: the ticks that WhatsApp has for it, and its word."""

    ticks: Ticks
    label: str


STATES: Final[Mapping[State, StateMark]] = {
    State.WAITING: StateMark("clock", N_("waiting")),
    State.QUEUED: StateMark("clock", N_("about to be sent")),
    State.CLAIMED: StateMark("clock", N_("about to be sent")),
    State.SENDING: StateMark("clock", N_("being sent")),
    State.UNCERTAIN: StateMark("doubt", N_("uncertain")),
    State.ACCEPTED: StateMark("one", N_("accepted")),
    State.SENT: StateMark("one", N_("sent")),
    State.DELIVERED: StateMark("two", N_("delivered")),
    State.READ: StateMark("read", N_("read")),
    State.FAILED: StateMark("failed", N_("failed")),
    State.CANCELLED: StateMark("cancelled", N_("cancelled")),
}


MEDIA: Final[Mapping[str, str]] = {
    "image": N_("photo"),
    "video": N_("video"),
    "audio": N_("audio"),
    "document": N_("document"),
    "sticker": N_("sticker"),
}
"""The word for each kind of medium."""


class FileLabel(NamedTuple):
    """A file: its kind, which has an icon, and the name to show. The file itself is never loaded."""

    kind: str
    name: str


class Place(NamedTuple):
    """A pin on a map. The coordinates are a text such as `18.52, 73.86`."""

    coordinates: str
    name: str | None = None
    address: str | None = None


class Card(NamedTuple):
    """A contact card. `lines` are its numbers, then its mail addresses."""

    name: str
    lines: tuple[str, ...] = ()


class Label(NamedTuple):
    """A button: `kind` is reply, link, copy or list, and has an icon."""

    kind: str
    text: str


class Choice(NamedTuple):
    """A row of a list."""

    title: str
    description: str | None = None


class ListSection(NamedTuple):
    """A group of rows in the list that the button of a list opens."""

    title: str | None
    rows: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBubble:
    """What a phone shows of one message, from top to bottom.

    `note` is a sentence of the console in place of a text that it does not know or does not show; the template
    translates it. Names of parameters in braces within header and body are `slots`: their values are still open.
    """

    note: str | None = None
    medium: FileLabel | None = None
    place: Place | None = None
    cards: tuple[Card, ...] = ()
    header: str | None = None
    body: str = ""
    footer: str | None = None
    buttons: tuple[Label, ...] = ()
    sections: tuple[ListSection, ...] = ()
    slots: frozenset[str] = frozenset()

    def masked(self) -> Self:
        """Return the bubble with every phone number masked, for people who need not know them."""
        return self.changed(mask_numbers)

    def changed(self, change: Callable[[str], str]) -> Self:
        """Return the bubble with `change` applied to each of its texts. The note stays: it is the console's own."""
        texts = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("note", "slots")}
        return replace(self, **{name: _changed(value, change) for name, value in texts.items()})


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case FileLabel() | Label():
            return value._replace(**{value._fields[1]: change(value[1])})
        case Place() | Card() | Choice() | ListSection():
            return type(value)(*(_changed(each, change) for each in value))
        case tuple():
            return tuple(_changed(each, change) for each in value)
    return value
