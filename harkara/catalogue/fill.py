"""Fill a kind: values by name become the header, body and buttons of a template message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, Generic, TypeVar

from harkara.catalogue.kind import ButtonSpec, HeaderSpec, Kind, ParameterFormat
from harkara.errors import Invalid
from harkara.messages import CopyCode, Document, Image, QuickReply, Template, UrlSuffix, Video
from harkara.messages.parameters import validate_header
from harkara.messages.template_buttons import TemplateButton
from harkara.messages.text_rules import validate_parameter
from harkara.messages.validation import handed_over, type_measure

T = TypeVar("T")

Value = str | Image | Video | Document
"""A value of a parameter: a text, or for the header a medium or its link."""

Values = Mapping[str, Value]
Formats = Mapping[str, ParameterFormat]

_MEDIA: dict[str, type[Image | Video | Document]] = {"image": Image, "video": Video, "document": Document}
_BUTTONS: dict[str, Callable[..., TemplateButton]] = {
    "url": UrlSuffix,
    "quick_reply": QuickReply,
    "copy_code": CopyCode,
}

_REMEMBERED = 256
"""Texts and links that a filler remembers: many rows of a campaign have the same city, the same offer, one picture."""


class Filler:
    """Builds messages of a kind, and validates each value once. What repeats in them is not validated again.

    `name` is the kind's name in the catalogue, `formats` the rules by parameter name.
    """

    def __init__(self, name: str, kind: Kind, formats: Formats, language: str | None = None) -> None:
        def part(parameter: str, make: Callable[[Any], T]) -> _Part[T]:
            return _Part(name, parameter, formats.get(parameter), make)

        text = _text_maker()
        self._name, self._kind, self._language = name, kind, language or kind.language
        self._names = frozenset(kind.parameters)
        header = kind.header.parameter
        self._header: _Part[Value] | None = part(header, _header_maker(kind.header, text)) if header else None
        self._body = [part(each, text) for each in kind.body]
        self._buttons: list[Callable[[Values], TemplateButton]] = [
            part(each.parameter, _button_maker(each)) if each.parameter else _fixed(each) for each in kind.buttons
        ]

    def fill(self, values: Values) -> Template:
        """Build the message of these values. Raises Invalid, which names the kind and the parameter."""
        if values.keys() != self._names:
            _check_names(self._name, self._kind, values)
        header = None if self._header is None else self._header(values)
        body = tuple([part(values) for part in self._body])
        message = self._build(header, body, tuple([part(values) for part in self._buttons]))
        _check_length(self._name, self._kind, message)
        return message

    def _build(self, header: Value | None, body: tuple[str, ...], buttons: tuple[TemplateButton, ...]) -> Template:
        if self._kind.category == "authentication":  # its copy button becomes a link button
            name, language, category = self._kind.name, self._language, self._kind.category
            return Template(name, language, header=header, body=body, buttons=buttons, category=category)
        return self._empty.with_validated(header=header, body=body, buttons=buttons)

    @cached_property
    def _empty(self) -> Template:
        """The message without its values."""
        return Template(self._kind.name, self._language, category=self._kind.category)


def _check_length(name: str, kind: Kind, message: Template) -> None:
    """WhatsApp refuses a longer text. One that an earlier release handed over is sent all the same: a rule may err."""
    if kind.text is None or handed_over() or not kind.speaks(message.language):
        return
    header = message.header if isinstance(message.header, str) else None
    if not kind.text.fits(header, message.body) and (problem := kind.text.fill(header, message.body).problem):
        raise Invalid(f"{name}.{problem.field}", problem.rule, problem.measure)


@dataclass(slots=True)
class _Part(Generic[T]):
    """Validates the value of a parameter and converts it with `make`."""

    kind: str
    name: str
    format: ParameterFormat | None
    make: Callable[[Any], T]

    def __call__(self, values: Values) -> T:
        value = values[self.name]
        try:
            if self.format is not None:
                self.format.validate_value(value)
            return self.make(value)
        except Invalid as error:
            raise Invalid(f"{self.kind}.{self.name}", error.rule, error.measure) from None


def _check_names(name: str, kind: Kind, values: Values) -> None:
    wanted = kind.parameters
    hint = f"this kind has {', '.join(wanted)}" if wanted else "this kind has no parameters"
    for unknown in values.keys() - set(wanted):
        raise Invalid(f"{name}.{str(unknown)[:40]}", f"is not a parameter; {hint}")
    for missing in (each for each in wanted if each not in values):
        raise Invalid(f"{name}.{missing}", f"is missing; {hint}")


def _text_maker() -> Callable[[Any], str]:
    @lru_cache(_REMEMBERED)
    def validate(value: str) -> str:
        return str.__str__(validate_parameter(value))  # of a subclass only the text

    def make(value: object) -> str:
        if not isinstance(value, str):
            raise Invalid("", "must be text", type_measure(value))
        return validate(value)

    return make


def _header_maker(header: HeaderSpec, text: Callable[[Any], str]) -> Callable[[Any], Value]:
    if header.type == "text":
        return text
    kind = _MEDIA[header.type]
    from_link = lru_cache(_REMEMBERED)(kind)

    def make(value: object) -> Value:
        medium = from_link(value) if isinstance(value, str) else value
        if not isinstance(medium, kind):
            raise Invalid("", f"must be of type {kind.__name__}, or its link", type_measure(value))
        return validate_header(medium, validate_parameter)

    return make


def _button_maker(button: ButtonSpec) -> Callable[[Any], TemplateButton]:
    return partial(_BUTTONS[button.type], index=button.index)


def _fixed(button: ButtonSpec) -> Callable[[Values], TemplateButton]:
    reply = QuickReply(str(button.payload), index=button.index)
    return lambda _: reply
