"""Template messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from harkara.errors import Invalid
from harkara.messages.model import StrictModel
from harkara.messages.parameters import Header, ParameterObject, header_links, to_parameter, validate_header
from harkara.messages.template_buttons import MAX_BUTTONS, CopyCode, Index, QuickReply, TemplateButton, UrlSuffix
from harkara.messages.text_rules import PLACEHOLDER, validate_parameter
from harkara.messages.validation import field_path, require_list, type_measure

TemplateCategory = Literal["authentication", "utility", "marketing"]

# Chat Mitra docs, Validation Rules: Templates. Digits in names are not documented but common. The language is a string
# in every request that was seen, not the object of the Cloud API.
_NAME = re.compile(r"[a-z0-9_]{1,60}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:_[A-Z]{2})?")
MAX_PARAMETERS = 10
BodyParameter = Annotated[str, AfterValidator(validate_parameter)]
TemplateHeader = Annotated[Header, PlainValidator(partial(validate_header, rule=validate_parameter))]


def _validate_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise Invalid("", "1 to 60 of a-z, 0-9 and _", f"this has {len(value):,} characters")
    return value


def _validate_language(value: object) -> str:
    if isinstance(value, str) and _LANGUAGE.fullmatch(value):
        return value
    measure = None if isinstance(value, str) else type_measure(value)
    raise Invalid("", "must be a plain code such as en or en_US", measure)


TemplateName = Annotated[str, AfterValidator(_validate_name)]
Language = Annotated[str, PlainValidator(_validate_language)]


def _to_number(value: object) -> object:
    """The index of a button is a string of digits in JSON."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


class Template(StrictModel):
    """A template that Meta approved, with its parameters: `Template("order_confirmation", body=["Asha", "#12345"])`.

    Unlike every other kind, WhatsApp delivers it outside the 24-hour window, too.

    `name` is 1 to 60 of a-z, 0-9 and `_`, `language` a code such as en or en_US. `header` is a text, or an Image,
    a Video or a Document without a caption. `body` has at most 10 parameters of at most 1,024 characters
    (Chat Mitra docs, Validation Rules).

    `buttons` has only the buttons with a parameter. A button without an `index` gets its position in `buttons`.
    Buttons without a parameter count as well, so a button after one of them needs its `index`.

    `category` is the category that Meta gave the template. It is not sent: it sets the priority of the message and
    the policy when it is unknown whether Chat Mitra accepted it.
    """

    kind: ClassVar[str] = "template"
    unsent: ClassVar[frozenset[str]] = frozenset({"category"})

    name: TemplateName
    language: Language = "en"
    header: TemplateHeader | None = None
    body: Annotated[tuple[BodyParameter, ...], Field(max_length=MAX_PARAMETERS)] = ()
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
            buttons=_with_indexes(require_list(buttons, "buttons"), category),
            category=category,
        )
        if len({button.index for button in self.buttons}) < len(self.buttons):
            raise Invalid("buttons.index", "must not occur twice")

    @classmethod
    def read(cls, value: object) -> Self:
        """Build the message from its `template` object."""
        parsed = _TemplateObject.read(value)
        found: dict[str, list[Any]] = {"header": [], "body": [], "button": []}
        for position, component in enumerate(parsed.components):
            with field_path(f"components[{position}]"):
                found[component.type].append(component.content())
        if len(found["header"]) > 1 or len(found["body"]) > 1:
            raise Invalid("components", "at most one header and one body")
        return cls(
            parsed.name,
            parsed.language,
            header=next(iter(found["header"]), None),
            body=next(iter(found["body"]), ()),
            buttons=found["button"],
        )

    def dump(self) -> dict[str, Any]:
        """Return the `template` object."""
        components: list[dict[str, Any]] = []
        if self.header is not None:
            components.append({"type": "header", "parameters": [to_parameter(self.header)]})
        if self.body:
            components.append({"type": "body", "parameters": [to_parameter(text) for text in self.body]})
        components.extend(button.wire() for button in self.buttons)
        return {"name": self.name, "language": self.language, "components": components}

    def wire(self) -> dict[str, Any]:
        """Return the item for `messages` in Chat Mitra's request."""
        return {"kind": self.kind, self.kind: self.dump()}

    @property
    def default_category(self) -> TemplateCategory:
        return self.category or "utility"

    def links(self) -> tuple[tuple[str, str], ...]:
        return header_links(self.header)

    def placeholders(self) -> Iterator[tuple[str, str]]:
        """Yield the path of a field and each `$name` in it that Chat Mitra replaces by a value."""
        if isinstance(self.header, str):
            yield from _placeholders("header", self.header)
        for position, text in enumerate(self.body):
            if "$" in text:
                yield from _placeholders(f"body[{position}]", text)
        for button in self.buttons:
            if isinstance(button, UrlSuffix):
                yield from _placeholders(f"buttons[{button.index}]", button.text)


def _placeholders(path: str, text: str) -> Iterator[tuple[str, str]]:
    if "$" in text:
        yield from ((path, name) for name in PLACEHOLDER.findall(text))


def _with_indexes(buttons: Sequence[TemplateButton], category: TemplateCategory | None) -> list[TemplateButton]:
    """Give each button an index. In an authentication template, Meta implements the copy button as a link button."""
    placed: list[TemplateButton] = []
    for position, button in enumerate(buttons):
        if not isinstance(button, UrlSuffix | QuickReply | CopyCode):
            raise Invalid(
                f"buttons[{position}]", "must be a UrlSuffix, a QuickReply or a CopyCode", type_measure(button)
            )
        if isinstance(button, CopyCode) and category == "authentication":
            button = UrlSuffix(button.code, index=button.index)
        placed.append(button if button.index is not None else button.with_validated(index=position))
    return placed


class _Component(StrictModel):
    type: Literal["header", "body", "button"]
    parameters: tuple[ParameterObject, ...] = ()
    sub_type: Literal["url", "quick_reply", "copy_code"] | None = None
    index: Annotated[Index, BeforeValidator(_to_number)] | None = None

    def content(self) -> Any:
        """Return an argument of Template: a header, a list of texts or a button."""
        if self.type == "button":
            return self._button()
        if self.sub_type is not None or self.index is not None:
            raise Invalid("type", "only a button has a sub_type and an index")
        if self.type == "body":
            return self._get_values("text")
        return self._get_one("text", "image", "video", "document") if self.parameters else None

    def _button(self) -> TemplateButton:
        if self.index is None:
            raise Invalid("index", "is missing")
        match self.sub_type:
            case "url":
                return UrlSuffix(self._get_one("text"), index=self.index)
            case "quick_reply":
                return QuickReply(self._get_one("payload"), index=self.index)
            case "copy_code":
                return CopyCode(self._get_one("coupon_code"), index=self.index)
            case _:
                raise Invalid("sub_type", "is missing")

    def _get_one(self, *types: str) -> Any:
        if len(self.parameters) != 1:
            raise Invalid("parameters", "must have exactly one parameter here", f"this has {len(self.parameters)}")
        return self._get_values(*types)[0]

    def _get_values(self, *types: str) -> list[Any]:
        values = []
        for position, parameter in enumerate(self.parameters):
            with field_path(f"parameters[{position}]"):
                values.append(parameter.get(*types))
        return values


class _TemplateObject(StrictModel):
    name: str
    language: Any
    components: tuple[_Component, ...] = ()
