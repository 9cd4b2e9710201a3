"""What the assistant is asked, and what it proposes as the answer: values, without SQL and without a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Speaker = Literal["customer", "assistant", "person", "application"]
"""Who said it. `person` is staff, here or in the dashboard of Chat Mitra; `application` is every other message of ours,
such as a reminder or a campaign."""

Source = Literal["rule", "cache", "faq", "model", "backup"]
"""Where an answer comes from, cheapest first; `rule` is a fixed sentence, such as the one that hands over."""

HandOverCause = Literal["asked", "anger", "repeated", "robot", "unknown", "unsafe", "model", "failed"]
"""Why a person is to go on: the customer asked for one, is angry, asked the same twice, asked twice for a robot; or no
knowledge answers, the check refused the answer, the model asked for a person, or the model failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message of the conversation."""

    by: Speaker
    text: str = field(repr=False)
    at: datetime
    """UTC."""
    button: str | None = field(default=None, repr=False)
    """The id of the button or list row that the customer tapped."""
    answer: str | None = None
    """Of a reminder: the answer that is applied already, `confirmed`, `cancelled` or `rescheduled`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """The conversation that a turn answers, as it was at `revision`."""

    lane: str
    person: str
    """The id of the person in this lane."""
    number: str | None = field(repr=False)
    """Digits with the country code; None while WhatsApp hides it. No model ever gets it."""
    name: str | None = field(repr=False)
    revision: int
    now: datetime
    """UTC, by the clock of the database."""
    said: tuple[Said, ...] = field(repr=False)
    """The messages of this topic, oldest first. Those of the customer at its end are what is to be answered."""
    greeted: bool = False
    """Whether the assistant has said in this conversation what it is."""

    @property
    def burst(self) -> tuple[Said, ...]:
        """What the customer has written since the last message of ours, oldest first."""
        start = next((i for i in range(len(self.said), 0, -1) if self.said[i - 1].by != "customer"), 0)
        return self.said[start:]

    @property
    def question(self) -> str:
        """The texts of the burst, a line each."""
        return "\n".join(one.text for one in self.burst)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The answer to a talk: what to send, and whether a person goes on afterwards."""

    texts: tuple[str, ...] = field(repr=False)
    """One to three messages of at most 1,000 characters, or none for silence."""
    buttons: tuple[str, ...] = ()
    """At most three titles of at most 20 characters, for the last message."""
    source: Source
    citations: tuple[str, ...] = ()
    """The ids of the FAQ entries and lookups that the answer rests on; `rule:robot` is a fixed sentence."""
    hand_over: HandOverCause | None = None
    summary: str | None = field(default=None, repr=False)
    """For the person who goes on: what the customer wants, with the order number that was named."""
    milliseconds: int = 0
    """How long the proposal took, without the wait for more messages."""
    tokens: int = 0
    """Read and written by the model."""
    price: int = 0
    """Of the model, in micros of the currency of the rate card, as in `harkara.money`."""
    failure: str | None = None
    """Why the model or the check gave no answer, for the log and the measures. Never shown to customers."""
