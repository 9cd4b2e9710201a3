"""The events that a provider's webhook can report, as values of our own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from harkara.inbound.contact import ConsentAction
from harkara.inbound.content import Content
from harkara.money.pricing import Pricing

Status = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """A message of the account has a new status: one of ours, or one that a person typed in the provider's dashboard.

    Two events with the same `identity` are one event. `digest` is that of the content (see `fingerprint`), `recipient`
    is digits alone, `user_ids` are other names of the same person, `code` and `reason` explain a failure. `pricing` is
    there if the event has it. `text` is that of a sent text message. `body` is the event's JSON, which can be parsed
    again.
    """

    identity: str
    status: Status
    at: datetime
    job_id: str | None = None
    message_id: str | None = field(default=None, repr=False)
    recipient: str | None = field(default=None, repr=False)
    user_ids: tuple[str, ...] = field(default=(), repr=False)
    digest: str | None = None
    code: str | None = None
    reason: str = ""
    pricing: Pricing | None = None
    text: str | None = field(default=None, repr=False, compare=False)
    body: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived:
    """A customer wrote, tapped a button or a list row, reacted, or changed or deleted a message.

    `content` is all that came. `text` is the text or the caption; after a tap it is the title of the button or row, and
    `payload` its id. `opens_window` is false for a change of an earlier message, and for a message `in_group`. `sender`
    is the digits of the number, or the user id of a person whose number is hidden, and `user_ids` are all user ids of
    the person. `name` is what the person is called in WhatsApp, if the event has it. `kind` is WhatsApp's name of the
    type, `reply_to` is WhatsApp's id of the message that this one answers, and `changes` that of the customer's own
    message that this one edits or deletes.
    """

    identity: str
    sender: str = field(repr=False)
    kind: str
    at: datetime
    message_id: str | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)
    payload: str | None = field(default=None, repr=False)
    reply_to: str | None = field(default=None, repr=False)
    changes: str | None = field(default=None, repr=False)
    user_ids: tuple[str, ...] = field(default=(), repr=False)
    name: str | None = field(default=None, repr=False)
    content: Content = field(default=Content(), repr=False)
    opens_window: bool = True
    in_group: bool = False
    body: bytes = field(default=b"", repr=False, compare=False)

    @property
    def needs_answer(self) -> bool:
        """Whether someone is to answer it: a photo too, but no reaction or sticker, no change, and nothing in a group.

        A form or an order without words is for the application, which alone understands it.
        """
        for_application = self.kind in ("interactive", "order") and not (self.text or self.payload)
        return self.opens_window and self.kind not in ("reaction", "sticker") and not for_application

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the sender in this event."""
        return tuple(dict.fromkeys((self.sender, *self.user_ids)))


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChanged:
    """A person has another number or user id: WhatsApp reports it, the person wrote nothing.

    `before` and `after` are the names of the person, a number first if the event has one.
    """

    identity: str
    before: tuple[str, ...] = field(repr=False)
    after: tuple[str, ...] = field(repr=False)
    at: datetime
    body: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceChanged:
    """A person chose in WhatsApp's own menu to stop or to resume the account's marketing messages.

    `names` are those of the person, a number first if the event has one; `proof` are the provider's words.
    """

    identity: str
    names: tuple[str, ...] = field(repr=False)
    action: ConsentAction
    proof: str = field(repr=False)
    at: datetime
    body: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent:
    """An event of another kind. `body` is its whole JSON, or the bytes if they are not JSON.

    `about` is the name of the event, short enough for a metric's label.
    """

    identity: str
    about: str
    at: datetime
    body: bytes = field(repr=False)


Event = StatusChanged | MessageReceived | NumberChanged | PreferenceChanged | UnknownEvent
