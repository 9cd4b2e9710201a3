"""Reaction messages."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator

from harkara.errors import Invalid
from harkara.messages.emoji import is_single_emoji
from harkara.messages.model import RawMessage
from harkara.messages.text_rules import PrintableRule

MessageId = Annotated[str, AfterValidator(PrintableRule(256))]


def _validate_reaction(value: str) -> str:
    if value and not is_single_emoji(value):
        raise Invalid("", "must be exactly one emoji, or empty to remove the reaction")
    return value


class Reaction(RawMessage):
    """An emoji on a message from the recipient: `Reaction("wamid.HBgM…", "👍")`.

    `message_id` is WhatsApp's id of that message, as the webhook gives it. An empty `emoji` removes the reaction.
    """

    kind: ClassVar[str] = "reaction"

    message_id: MessageId
    emoji: Annotated[str, AfterValidator(_validate_reaction)]

    def __init__(self, message_id: str, emoji: str) -> None:
        super().__init__(message_id=message_id, emoji=emoji)
