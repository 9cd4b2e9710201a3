"""The buttons of a template that need something filled in."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from harkara.errors import Invalid
from harkara.messages.model import StrictModel
from harkara.messages.text_rules import PrintableRule, validate_parameter

# Chat Mitra docs, Validation Rules: Interactive Messages.
Payload = Annotated[str, AfterValidator(PrintableRule(256))]

# WhatsApp Cloud API, template components: ten buttons, 15 characters to copy.
MAX_BUTTONS = 10
Index = Annotated[int, Field(strict=True, ge=0, lt=MAX_BUTTONS)]
Code = Annotated[str, AfterValidator(PrintableRule(15))]


def _suffix(value: str) -> str:
    validate_parameter(value)
    if "#" in value or any(mark.isspace() for mark in value):
        raise Invalid("", "no spaces and no # in the end of a link")
    return value


class UrlSuffix(StrictModel):
    """What completes the link of the template's button. `index` counts all buttons of the template from 0."""

    text: Annotated[str, AfterValidator(_suffix)]
    index: Index | None = None

    def __init__(self, text: str, *, index: int | None = None) -> None:
        super().__init__(text=text, index=index)

    def wire(self) -> dict[str, Any]:
        """The component."""
        return _component("url", self.index, {"type": "text", "text": self.text})


class QuickReply(StrictModel):
    """What comes back when the button is tapped. `index` counts all buttons of the template from 0."""

    payload: Payload
    index: Index | None = None

    def __init__(self, payload: str, *, index: int | None = None) -> None:
        super().__init__(payload=payload, index=index)

    def wire(self) -> dict[str, Any]:
        """The component."""
        return _component("quick_reply", self.index, {"type": "payload", "payload": self.payload})


class CopyCode(StrictModel):
    """What the button copies: a coupon or, in an authentication template, the one-time code."""

    code: Code
    index: Index | None = None

    def __init__(self, code: str, *, index: int | None = None) -> None:
        super().__init__(code=code, index=index)

    def wire(self) -> dict[str, Any]:
        """The component."""
        return _component("copy_code", self.index, {"type": "coupon_code", "coupon_code": self.code})


TemplateButton = UrlSuffix | QuickReply | CopyCode


def _component(sub_type: str, index: int | None, content: dict[str, str]) -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": str(index or 0), "parameters": [content]}
