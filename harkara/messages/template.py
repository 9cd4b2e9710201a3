"""Messages from a template that Meta has approved, which may be sent at any time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from harkara.errors import Invalid
from harkara.messages.model import StrictModel
from harkara.messages.parameters import Header, ParameterObject, to_parameter, validate_header
from harkara.messages.template_buttons import MAX_BUTTONS, CopyCode, Index, QuickReply, TemplateButton, UrlSuffix
from harkara.messages.text_rules import PLACEHOLDER, validate_parameter
from harkara.messages.validation import field_path, require_list, type_measure

TemplateCategory = Literal["authentication", "utility", "marketing"]

# Chat Mitra docs, Validation Rules: Templates. Digits in names are not documented but usual; the language is a plain
# string in every request that was seen, not the object of the Cloud API.
_NAME = re.compile(r"[a-z0-9_]{1,60}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:_[A-Z]{2})?")
MAX_PARAMETERS = 10
TemplateHeader = Annotated[Header, PlainValidator(partial(validate_header, rule=validate_parameter))]


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise Invalid("", "1 to 60 of a-z, 0-9 and _", f"this has {len(value):,} characters")
    return value


def _language(value: object) -> str:
    if isinstance(value, str) and _LANGUAGE.fullmatch(value):
        return value
    measure = None if isinstance(value, str) else type_measure(value)
    raise Invalid("", "must be a plain code such as en or en_US", measure)


TemplateName = Annotated[str, AfterValidator(_name)]
Language = Annotated[str, PlainValidator(_language)]


def _number(value: object) -> object:
    """A button's index is a string of digits on the wire."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


class Template(StrictModel):
    """An approved template and what fills it: `Template("order_confirmation", body=["Asha", "#12345"])`.

    A button without an index gets its place in `buttons`. Buttons that the template fixes are left out here but count,
    so those after one need their index. `category` is the template's at Meta: it decides how urgent the message is and
    what may be done when its fate is unknown, and is not sent.
    """

    kind: ClassVar[str] = "template"
    unsent: ClassVar[frozenset[str]] = frozenset({"category"})

    name: TemplateName
    language: Language = "en"
    header: TemplateHeader | None = None
    body: Annotated[
        tuple[Annotated[str, AfterValidator(validate_parameter)], ...], Field(max_length=MAX_PARAMETERS)
    ] = ()
    buttons: Annotated[tuple[TemplateButton, ...], Field(max_length=MAX_BUTTONS)] = ()
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
            body=require_list(body, "body"),
            buttons=_placed(require_list(buttons, "buttons"), category),
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
            with field_path(f"components[{place}]"):
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
            components.append({"type": "header", "parameters": [to_parameter(self.header)]})
        if self.body:
            components.append({"type": "body", "parameters": [to_parameter(text) for text in self.body]})
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
                yield from ((path, name) for name in PLACEHOLDER.findall(text))


def _placed(buttons: Sequence[TemplateButton], category: TemplateCategory | None) -> list[TemplateButton]:
    """Numbers the buttons. Meta makes the copy button of an authentication template a link, so it is sent as one."""
    placed: list[TemplateButton] = []
    for place, button in enumerate(buttons):
        if not isinstance(button, UrlSuffix | QuickReply | CopyCode):
            raise Invalid(f"buttons[{place}]", "must be a UrlSuffix, a QuickReply or a CopyCode", type_measure(button))
        if isinstance(button, CopyCode) and category == "authentication":
            button = UrlSuffix(button.code, index=button.index)
        placed.append(button if button.index is not None else button.model_copy(update={"index": place}))
    return placed


class _Component(StrictModel):
    type: Literal["header", "body", "button"]
    parameters: tuple[ParameterObject, ...] = ()
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
            with field_path(f"parameters[{place}]"):
                values.append(slot.get(*types))
        return values


class _Shape(StrictModel):
    name: str
    language: Any
    components: tuple[_Component, ...] = ()
