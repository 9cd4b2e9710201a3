"""A conversation with one person, as Python, the HTTP API, the console and the command all show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from harkara.assistant.voice import ConversationMode
from harkara.inbound.contact import ConsentCategory
from harkara.json_record import JsonRecordSeconds, TimestampSeconds
from harkara.states import State

Direction = Literal["received", "sent", "consent"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ChatEntry(JsonRecordSeconds):
    """One message of either direction, or one opt-out or opt-in.

    A message with a one-time code has neither text nor request.
    """

    direction: Direction
    at: TimestampSeconds
    """When it was received, sent, or chosen; for a message that is not sent yet, when it is due."""
    id: str | None = None
    """The id of our message, or of the event that reported the customer's; None for a choice."""
    kind: str
    """WhatsApp's name of the type; for a choice `opt-out` or `opt-in`."""
    text: str | None = field(default=None, repr=False)
    """The text, caption or title of a tapped button; the words that prove a choice."""
    content: Mapping[str, Any] | None = field(default=None, repr=False)
    """All that the customer sent, such as a place or a file; of our message the request to Chat Mitra."""
    state: State | None = None
    code: str | None = None
    """Why our message failed, waits or was cancelled."""
    reason: str | None = field(default=None, repr=False)
    template: str | None = None
    category: str | None = None
    """Of our message, or of the messages that a choice is about."""
    rule: str | None = None
    """The rule of a reminder."""
    answer: str | None = None
    """What the customer answered to our reminder: `confirmed`, `cancelled` or `rescheduled`."""
    source: str | None = None
    """Who sent our message, or where a choice comes from; `dashboard` if staff typed it at Chat Mitra."""

    @property
    def is_typed(self) -> bool:
        """Whether staff typed it in Chat Mitra's dashboard: only an event knows it."""
        return self.direction == "sent" and (self.id or "").startswith("event_")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Conversation(JsonRecordSeconds):
    """A conversation with one person in one lane."""

    contact: str
    """The id of the person in this lane."""
    lane: str
    number: str | None = field(repr=False)
    """Digits with the country code; None while WhatsApp hides it."""
    name: str | None = field(repr=False)
    """What the person is called in WhatsApp, if a webhook has said so."""
    last_at: TimestampSeconds | None
    """When the person wrote last, or a reply was sent to them; None if neither happened."""
    unread: int
    revision: int
    """Grows with each message of the person, each reply, each opt-out and opt-in, and each new name of the person."""
    window_ends_at: TimestampSeconds | None
    """Until then any message may be sent, afterwards a template alone; None if the window is shut."""
    opted_out: ConsentCategory | None
    """Which messages the person refuses."""
    mode: ConversationMode = "assistant"
    """Who answers, if the assistant answers this person at all; a person whose time is over answers no more."""
    mode_cause: str | None = None
    """Why: `replied`, `assigned`, `handed-over` by the assistant, `given-back` or `switched-off`; None at first."""
    mode_until: TimestampSeconds | None = None
    """When the conversation is the assistant's again; None if only a person gives it back."""
    draft: str | None = None
    """The id of the assistant's draft that waits for a person; None without one for the present revision."""
    last: ChatEntry | None = None
    """The last message of either direction."""

    @property
    def title(self) -> str:
        """What to call the person."""
        return self.name or (f"+{self.number}" if self.number else self.contact)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Chat(JsonRecordSeconds):
    """A conversation with its newest messages, or with those before a moment."""

    conversation: Conversation
    entries: tuple[ChatEntry, ...]
    """What was said, oldest first."""
    waiting: tuple[ChatEntry, ...]
    """Messages that are not sent yet, in the order in which they are due."""
    before: TimestampSeconds | None
    """The `before` of the page with what was said earlier; None if that is all."""
    cut: bool = False
    """Whether there are older messages of ours that no page of the chat has: only the newest 500 are read."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ProposedAnswer(JsonRecordSeconds):
    """A turn of the assistant: what it proposed to answer, and what became of it."""

    id: str
    at: TimestampSeconds
    revision: int
    """The revision of the conversation that it answers."""
    outcome: str
    """`sent`, `handed-over`, `draft`, `shadow`, `silent`, `superseded` or `failed`."""
    source: str
    """Where the answer comes from: `rule`, `cache`, `faq`, `model` or `backup`."""
    texts: tuple[str, ...] = field(repr=False)
    """One to three messages; none for silence, and none when they are erased."""
    buttons: tuple[str, ...] = ()
    hand_over: str | None = None
    """Why a person is to go on; None if none is."""
    summary: str | None = field(default=None, repr=False)
    decision: str | None = None
    """What became of a draft: sent `unchanged` or `edited`, `discarded`, or `dropped` since the talk moved on."""
    decided_by: str | None = None
    message: str | None = None
    """The id of the message that was accepted."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WaitingDraft(JsonRecordSeconds):
    """A draft that waits for a person, and the conversation that it answers."""

    contact: str
    lane: str
    number: str | None = field(repr=False)
    name: str | None = field(repr=False)
    draft: ProposedAnswer
