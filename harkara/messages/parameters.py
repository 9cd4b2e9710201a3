"""The parameter object that headers and template components share: `{"type": T, T: value}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from harkara.errors import Invalid
from harkara.messages.media import Document, Image, Video
from harkara.messages.model import StrictModel
from harkara.messages.validation import type_measure

Header = str | Image | Video | Document


class ParameterObject(StrictModel):
    """One typed value of a request. `get` checks that its type is allowed there."""

    type: Literal["text", "image", "video", "document", "payload", "coupon_code"]
    text: str | None = None
    image: Annotated[Image, BeforeValidator(Image.read)] | None = None
    video: Annotated[Video, BeforeValidator(Video.read)] | None = None
    document: Annotated[Document, BeforeValidator(Document.read)] | None = None
    payload: str | None = None
    coupon_code: str | None = None

    def get(self, *types: str) -> Any:
        """Return the value. Raises Invalid if its type is not one of `types` or another field is set, too."""
        if self.type not in types:
            raise Invalid("type", f"must be {' or '.join(types)} here")
        for name in type(self).model_fields:
            if name != "type" and (getattr(self, name) is None) == (name == self.type):
                raise Invalid(name, "is missing" if name == self.type else f"does not belong to type {self.type}")
        return getattr(self, self.type)


def to_parameter(value: Header) -> dict[str, Any]:
    """Return the parameter object of a text or of a media message."""
    if isinstance(value, str):
        return {"type": "text", "text": value}
    return {"type": value.kind, value.kind: value.dump()}


def header_links(header: Header | None) -> tuple[tuple[str, str], ...]:
    """Return the field of the link of a header in its message, and the link; nothing for a text."""
    return () if header is None or isinstance(header, str) else (("header.link", header.link),)


def validate_header(value: object, rule: Callable[[str], str]) -> Header:
    """Return the header if it is a text that passes `rule`, or media without a caption. Raises Invalid otherwise."""
    if isinstance(value, str):
        return rule(value)
    if not isinstance(value, Image | Video | Document):
        raise Invalid("", "must be a text, an Image, a Video or a Document", type_measure(value))
    if value.caption is not None:
        raise Invalid("caption", "a header has no caption; move it to the body")
    return value
