"""Parameters for the buttons of a template."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from harkara.messages.model import StrictModel
from harkara.messages.text_rules import PrintableRule, validate_link_end

# Chat Mitra docs, Validation Rules: Interactive Messages.
Payload = Annotated[str, AfterValidator(PrintableRule(256))]

# WhatsApp Cloud API, template components: at most 10 buttons, and 15 characters of a code to copy.
MAX_BUTTONS = 10
Index = Annotated[int, Field(strict=True, ge=0, lt=MAX_BUTTONS)]
Code = Annotated[str, AfterValidator(PrintableRule(15))]


class UrlSuffix(StrictModel):
    """The variable end of a button's link: `UrlSuffix("track/12345")`.

    `text` has at most 1,024 characters, without spaces and `#`. `index` counts all buttons of the template from 0.
    """

    text: Annotated[str, AfterValidator(validate_link_end)]
    index: Index | None = None

    def __init__(self, text: str, *, index: int | None = None) -> None:
        super().__init__(text=text, index=index)

    def wire(self) -> dict[str, Any]:
        """Return the template component."""
        return _component("url", self.index, {"type": "text", "text": self.text})


class QuickReply(StrictModel):
    """The payload that the webhook gets when the recipient taps the button: `QuickReply("CONFIRM")`.

    `payload` has 1 to 256 characters (Chat Mitra docs, Validation Rules). `index` counts all buttons of the template
    from 0.
    """

    payload: Payload
    index: Index | None = None

    def __init__(self, payload: str, *, index: int | None = None) -> None:
        super().__init__(payload=payload, index=index)

    def wire(self) -> dict[str, Any]:
        """Return the template component."""
        return _component("quick_reply", self.index, {"type": "payload", "payload": self.payload})


class CopyCode(StrictModel):
    """The text that a button copies: a coupon or, in an authentication template, the one-time password.

    `CopyCode("DIWALI25")`. `code` has 1 to 15 characters (WhatsApp Cloud API, template components).
    `index` counts all buttons of the template from 0.
    """

    code: Code
    index: Index | None = None

    def __init__(self, code: str, *, index: int | None = None) -> None:
        super().__init__(code=code, index=index)

    def wire(self) -> dict[str, Any]:
        """Return the template component."""
        return _component("copy_code", self.index, {"type": "coupon_code", "coupon_code": self.code})


TemplateButton = UrlSuffix | QuickReply | CopyCode


def _component(sub_type: str, index: int | None, content: dict[str, str]) -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": str(index or 0), "parameters": [content]}
