"""What the playbook needs to know about a message besides the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Window = Literal["open", "shut", "unknown"]
"""The recipient's 24-hour window, in which WhatsApp delivers raw messages."""


@dataclass(frozen=True, slots=True)
class AttemptContext:
    """A message at the moment of an answer.

    `tries` are its POSTs including this one, and `resends` those after an uncertain outcome. `waits` are its latest
    consecutive waits for the reason `waited_for`. `raw` means that it is not a template. `seconds_left` is the time
    until its deadline.
    """

    tries: int
    waits: int
    resends: int
    category: str
    raw: bool
    seconds_left: float
    waited_for: str | None = None

    def waits_for(self, code: str) -> int:
        """Return how often the message has waited for this reason."""
        return self.waits if self.waited_for == code else 0


class UncertainContext(Protocol):
    """The part of an AttemptContext that the policy for uncertain messages needs."""

    @property
    def category(self) -> str: ...
    @property
    def resends(self) -> int: ...
    @property
    def seconds_left(self) -> float: ...
