"""Who speaks in a conversation: the rule that lets an answer of the assistant out, or holds it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ConversationMode = Literal["assistant", "person", "off"]
"""Who answers: the assistant; a person of the business for a time; a person alone, until someone changes it."""

HANDED_OVER = "handed-over"
"""The cause of the mode `person` after the assistant itself handed over: its last words may still go out."""

GIVEN_BACK = "given-back"
"""The cause of the mode `assistant` after the time of a person."""

REENGAGED = "re-engaged"
"""The cause of the mode `assistant` after a customer has said that they still need help."""


@dataclass(frozen=True, slots=True)
class Voice:
    """The state of a conversation at the moment in which an answer was claimed for sending."""

    mode: str
    cause: str
    unanswered: int
    revision: int

    def objection(self, revision: int | None, most_unanswered: int) -> str | None:
        """Return why an answer to be sent at `revision` must not go out; None if it may.

        The answer itself is among the unanswered ones.
        """
        if self.mode != "assistant" and not (self.mode == "person" and self.cause == HANDED_OVER):
            return "a person answers this conversation"
        if self.revision != revision:
            return "the conversation has moved on since"
        if self.unanswered > most_unanswered:
            return f"the customer has not answered the last {most_unanswered} messages"
        return None
