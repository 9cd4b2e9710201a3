"""Text messages."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, StrictBool

from harkara.messages.model import RawMessage
from harkara.messages.text_rules import TextRule

# Chat Mitra docs, Request Body Parameters and Validation Rules: Text Messages.
Body = Annotated[str, AfterValidator(TextRule(4_096, lines=True))]


class Text(RawMessage):
    """A text message: `Text("Your order #12345 is ready")`.

    `body` has 1 to 4,096 characters, at most 10 emoji, no asterisk, no HTML and no Markdown (Chat Mitra docs,
    Validation Rules, which advise fewer than 1,000 characters).
    `preview_url` asks WhatsApp to show a preview of the first link.
    `form` chooses how the request carries the text. "simple" uses Chat Mitra's field `message` where it can:
    for a text that is alone in its request and has no `preview_url`. "raw" always uses an item of `messages`.
    """

    kind: ClassVar[str] = "text"
    unsent: ClassVar[frozenset[str]] = frozenset({"form"})

    body: Body
    preview_url: StrictBool | None = None
    form: Literal["simple", "raw"] = "simple"

    def __init__(
        self, body: str, *, preview_url: bool | None = None, form: Literal["simple", "raw"] = "simple"
    ) -> None:
        super().__init__(body=body, preview_url=preview_url, form=form)

    @property
    def is_simple(self) -> bool:
        """Whether Chat Mitra's field `message` can carry the whole text."""
        return self.form == "simple" and self.preview_url is None
