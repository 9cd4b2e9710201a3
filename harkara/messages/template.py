"""Messages from a template that Meta has approved, which may be sent at any time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from harkara.errors import Invalid
from harkara.messages.part import Part, listed, type_of, under
from harkara.messages.slots import Header, Slot, header_of, wire_slot
from harkara.messages.text import PlainRule, parameter

TemplateCategory = Literal["authentication", "utility", "marketing"]

# Chat Mitra docs, Validation Rules: Templates, and Interactive Messages for the payload. Digits in names are not
# documented but usual; the language is a plain string in every request seen, not the object of the Cloud API.
_NAME = re.compile(r"[a-z0-9_]{1,60}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:_[A-Z]{2})?")
_PARAMETERS = 10
Payload = Annotated[str, AfterValidator(PlainRule(256))]

# WhatsApp Cloud API, template components: ten buttons, 15 characters to copy.
_BUTTONS = 10
Code = Annotated[str, AfterValidator(PlainRule(15))]
Index = Annotated[int, Field(strict=True, ge=0, lt=_BUTTONS)]

TemplateHeader = Annotated[Header, PlainValidator(partial(header_of, rule=parameter))]

_PLACEHOLDER = re.compile(r"\$[A-Za-z_]\w*")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise Invalid("", "1 to 60 of a-z, 0-9 and _", f"this has {len(value):,} characters")
    return value


def _language(value: object) -> str:
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        raise Invalid("", "must be a plain code such as en or en_US", type_of(value))
    return value


def _number(value: object) -> object:
    """A button's index is a string of digits on the wire."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


def _suffix(value: str) -> str:
    parameter(value)
    if "#" in value or any(mark.isspace() for mark in value):
        raise Invalid("", "no spaces and no # in the end of a link")
    return value


class UrlSuffix(Part):
    """What completes the link of the template's button. `index` counts all buttons of the template from 0."""

    text: Annotated[str, AfterValidator(_suffix)]
    index: Index | None = None

    def __init__(self, text: str, *, index: int | None = None) -> None:
        super().__init__(text=text, index=index)

    def wire(self) -> dict[str, Any]:
        """The component."""
        return _button("url", self.index, {"type": "text", "text": self.text})


class QuickReply(Part):
    """What comes back when the button is tapped. `index` counts all buttons of the template from 0."""

    payload: Payload
    index: Index | None = None

    def __init__(self, payload: str, *, index: int | None = None) -> None:
        super().__init__(payload=payload, index=index)

    def wire(self) -> dict[str, Any]:
        """The component."""
        return _button("quick_reply", self.index, {"type": "payload", "payload": self.payload})


class CopyCode(Part):
    """What the button copies: a coupon or, in an authentication template, the one-time code."""

    code: Code
    index: Index | None = None

    def __init__(self, code: str, *, index: int | None = None) -> None:
        super().__init__(code=code, index=index)

    def wire(self) -> dict[str, Any]:
        """The component."""
        return _button("copy_code", self.index, {"type": "coupon_code", "coupon_code": self.code})


TemplateButton = UrlSuffix | QuickReply | CopyCode


class Template(Part):
    """An approved template and what fills it: `Template("order_confirmation", body=["Asha", "#12345"])`.

    A button without an index gets its place in `buttons`. Buttons that the template fixes are left out here but count,
    so those after one need their index. `category` is the template's at Meta: it decides how urgent the message is and
    what may be done when its fate is unknown, and is not sent.
    """

    kind: ClassVar[str] = "template"
    unsent: ClassVar[frozenset[str]] = frozenset({"category"})

    name: Annotated[str, AfterValidator(_name)]
    language: Annotated[str, PlainValidator(_language)] = "en"
    header: TemplateHeader | None = None
    body: Annotated[tuple[Annotated[str, AfterValidator(parameter)], ...], Field(max_length=_PARAMETERS)] = ()
    buttons: Annotated[tuple[TemplateButton, ...], Field(max_length=_BUTTONS)] = ()
    category: TemplateCategory | None = None

    def __init__(
        self,
        name: str,
        language: str = "en",
        *,
        header: Header | None = None,
        body: Sequence[str] = (),
        buttons: Sequence[TemplateButton] = (),
        category: TemplateCategory | None = None,
    ) -> None:
        super().__init__(
            name=name,
            language=language,
            header=header,
            body=listed(body, "body"),
            buttons=_placed(listed(buttons, "buttons"), category),
            category=category,
        )
        if len({button.index for button in self.buttons}) < len(self.buttons):
            raise Invalid("buttons.index", "must not occur twice")

    @classmethod
    def read(cls, value: object) -> Self:
        """Builds the message from its `template` object."""
        shape = _Shape.read(value)
        found: dict[str, list[Any]] = {"header": [], "body": [], "button": []}
        for place, component in enumerate(shape.components):
            with under(f"components[{place}]"):
                found[component.type].append(component.content())
        if len(found["header"]) > 1 or len(found["body"]) > 1:
            raise Invalid("components", "at most one header and one body")
        return cls(
            shape.name,
            shape.language,
            header=next(iter(found["header"]), None),
            body=next(iter(found["body"]), ()),
            buttons=found["button"],
        )

    def dump(self) -> dict[str, Any]:
        """The `template` object."""
        components: list[dict[str, Any]] = []
        if self.header is not None:
            components.append({"type": "header", "parameters": [wire_slot(self.header)]})
        if self.body:
            components.append({"type": "body", "parameters": [wire_slot(text) for text in self.body]})
        components.extend(button.wire() for button in self.buttons)
        return {"name": self.name, "language": self.language, "components": components}

    def wire(self) -> dict[str, Any]:
        """The item for `messages`."""
        return {"kind": self.kind, self.kind: self.dump()}

    def placeholders(self) -> Iterator[tuple[str, str]]:
        """Every `$name` that Chat Mitra is to fill in, with the path of the field it stands in."""
        texts = [("header", self.header), *((f"body[{place}]", text) for place, text in enumerate(self.body))]
        texts += [(f"buttons[{button.index}]", button.text) for button in self.buttons if isinstance(button, UrlSuffix)]
        for path, text in texts:
            if isinstance(text, str) and "$" in text:
                yield from ((path, name) for name in _PLACEHOLDER.findall(text))


def _placed(buttons: Sequence[TemplateButton], category: TemplateCategory | None) -> list[TemplateButton]:
    """Numbers the buttons. Meta makes the copy button of an authentication template a link, so it is sent as one."""
    placed: list[TemplateButton] = []
    for place, button in enumerate(buttons):
        if not isinstance(button, UrlSuffix | QuickReply | CopyCode):
            raise Invalid(f"buttons[{place}]", "must be a UrlSuffix, a QuickReply or a CopyCode", type_of(button))
        if isinstance(button, CopyCode) and category == "authentication":
            button = UrlSuffix(button.code, index=button.index)
        placed.append(button if button.index is not None else button.model_copy(update={"index": place}))
    return placed


def _button(sub_type: str, index: int | None, content: dict[str, str]) -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": str(index or 0), "parameters": [content]}


class _Component(Part):
    type: Literal["header", "body", "button"]
    parameters: tuple[Slot, ...] = ()
    sub_type: Literal["url", "quick_reply", "copy_code"] | None = None
    index: Annotated[Index, BeforeValidator(_number)] | None = None

    def content(self) -> Any:
        """What Template takes: a header, a list of texts, or a button."""
        if self.type == "button":
            return self._button()
        if self.sub_type is not None or self.index is not None:
            raise Invalid("type", "only a button has a sub_type and an index")
        if self.type == "body":
            return self._values("text")
        return self._one("text", "image", "video", "document") if self.parameters else None

    def _button(self) -> TemplateButton:
        if self.index is None:
            raise Invalid("index", "is missing")
        match self.sub_type:
            case "url":
                return UrlSuffix(self._one("text"), index=self.index)
            case "quick_reply":
                return QuickReply(self._one("payload"), index=self.index)
            case "copy_code":
                return CopyCode(self._one("coupon_code"), index=self.index)
            case _:
                raise Invalid("sub_type", "is missing")

    def _one(self, *types: str) -> Any:
        if len(self.parameters) != 1:
            raise Invalid("parameters", "exactly one here", f"this has {len(self.parameters)}")
        return self._values(*types)[0]

    def _values(self, *types: str) -> list[Any]:
        values = []
        for place, slot in enumerate(self.parameters):
            with under(f"parameters[{place}]"):
                values.append(slot.value(*types))
        return values


class _Shape(Part):
    name: str
    language: Any
    components: tuple[_Component, ...] = ()
