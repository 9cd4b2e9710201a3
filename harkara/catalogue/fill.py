"""Fill a kind: values by name become the header, body and buttons of a template message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

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

_MEDIA: dict[str, type[Image | Video | Document]] = {"image": Image, "video": Video, "document": Document}
_BUTTONS: dict[str, Callable[..., TemplateButton]] = {
    "url": UrlSuffix,
    "quick_reply": QuickReply,
    "copy_code": CopyCode,
}


def fill(
    name: str,
    kind: Kind,
    values: Mapping[str, Value],
    formats: Mapping[str, ParameterFormat],
    language: str | None = None,
) -> Template:
    """Build the message of a kind. Raises Invalid, which names the kind and the parameter.

    `name` is the kind's name in the catalogue, `formats` the rules by parameter name.
    """
    _check_names(name, kind, values)
    parameters = _Parameters(name, values, formats)
    message = Template(
        kind.name,
        language or kind.language,
        header=_header(kind.header, parameters),
        body=[parameters.convert(each, _text) for each in kind.body],
        buttons=[_button(button, parameters) for button in kind.buttons],
        category=kind.category,
    )
    _check_length(name, kind, message)
    return message


def _check_length(name: str, kind: Kind, message: Template) -> None:
    """WhatsApp refuses a longer text. One that an earlier release handed over is sent all the same: a rule may err."""
    if kind.text is None or handed_over() or not kind.speaks(message.language):
        return
    header = message.header if isinstance(message.header, str) else None
    if not kind.text.fits(header, message.body) and (problem := kind.text.fill(header, message.body).problem):
        raise Invalid(f"{name}.{problem.field}", problem.rule, problem.measure)


@dataclass(frozen=True, slots=True)
class _Parameters:
    kind: str
    values: Mapping[str, Value]
    formats: Mapping[str, ParameterFormat]

    def convert(self, name: str, make: Callable[[Any], T]) -> T:
        """Validate the value of a parameter and convert it with `make`."""
        value = self.values[name]
        try:
            if name in self.formats:
                self.formats[name].validate_value(value)
            return make(value)
        except Invalid as error:
            raise Invalid(f"{self.kind}.{name}", error.rule, error.measure) from None


def _check_names(name: str, kind: Kind, values: Mapping[str, Value]) -> None:
    wanted = kind.parameters
    hint = f"this kind has {', '.join(wanted)}" if wanted else "this kind has no parameters"
    for unknown in values.keys() - set(wanted):
        raise Invalid(f"{name}.{str(unknown)[:40]}", f"is not a parameter; {hint}")
    for missing in (each for each in wanted if each not in values):
        raise Invalid(f"{name}.{missing}", f"is missing; {hint}")


def _header(header: HeaderSpec, parameters: _Parameters) -> Value | None:
    if header.parameter is None:
        return None
    return parameters.convert(
        header.parameter, _text if header.type == "text" else partial(_medium, _MEDIA[header.type])
    )


def _medium(kind: type[Image | Video | Document], value: object) -> Value:
    medium = kind(value) if isinstance(value, str) else value
    if not isinstance(medium, kind):
        raise Invalid("", f"must be of type {kind.__name__}, or its link", type_measure(value))
    return validate_header(medium, validate_parameter)


def _button(button: ButtonSpec, parameters: _Parameters) -> TemplateButton:
    if button.parameter is None:
        return QuickReply(str(button.payload), index=button.index)
    return parameters.convert(button.parameter, partial(_BUTTONS[button.type], index=button.index))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Invalid("", "must be text", type_measure(value))
    return validate_parameter(value)
