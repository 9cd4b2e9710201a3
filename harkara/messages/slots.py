"""The shape that headers and template parameters share on the wire: `{"type": T, T: value}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from harkara.errors import Invalid
from harkara.messages.media import Document, Image, Video
from harkara.messages.part import Part, type_of

Header = str | Image | Video | Document


class Slot(Part):
    """One typed value as it arrives; which types may stand where is for the caller to say."""

    type: Literal["text", "image", "video", "document", "payload", "coupon_code"]
    text: str | None = None
    image: Annotated[Image, BeforeValidator(Image.read)] | None = None
    video: Annotated[Video, BeforeValidator(Video.read)] | None = None
    document: Annotated[Document, BeforeValidator(Document.read)] | None = None
    payload: str | None = None
    coupon_code: str | None = None

    def value(self, *types: str) -> Any:
        """The value, if its type is one of `types` and nothing else came along."""
        if self.type not in types:
            raise Invalid("type", f"must be {' or '.join(types)} here")
        for name in type(self).model_fields:
            if name != "type" and (getattr(self, name) is None) == (name == self.type):
                raise Invalid(name, "is missing" if name == self.type else f"does not belong to type {self.type}")
        return getattr(self, self.type)


def wire_slot(value: Header) -> dict[str, Any]:
    """The wire object of a text or a medium."""
    if isinstance(value, str):
        return {"type": "text", "text": value}
    return {"type": value.kind, value.kind: value.dump()}


def header_of(value: object, rule: Callable[[str], str]) -> Header:
    """Returns the header if it is a text that keeps the rule, or a medium without a caption."""
    if isinstance(value, str):
        return rule(value)
    if not isinstance(value, Image | Video | Document):
        raise Invalid("", "must be a text, an Image, a Video or a Document", type_of(value))
    if value.caption is not None:
        raise Invalid("caption", "a header has no caption; move it to the body")
    return value
