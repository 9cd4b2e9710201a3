"""Fills a kind: named values become the header, body and buttons of a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from harkara.catalogue.kind import Button, Form, Header, Kind
from harkara.errors import Invalid
from harkara.messages import CopyCode, Document, Image, QuickReply, Template, UrlSuffix, Video
from harkara.messages.parameters import validate_header
from harkara.messages.template_buttons import TemplateButton
from harkara.messages.text_rules import validate_parameter
from harkara.messages.validation import type_measure

T = TypeVar("T")

Value = str | Image | Video | Document
"""What fills a parameter; the header's medium may be given by its link alone."""

_MEDIA: dict[str, type[Image | Video | Document]] = {"image": Image, "video": Video, "document": Document}
_BUTTONS: dict[str, Callable[..., TemplateButton]] = {
    "url": UrlSuffix,
    "quick_reply": QuickReply,
    "copy_code": CopyCode,
}


def fill(
    name: str, kind: Kind, values: Mapping[str, Value], forms: Mapping[str, Form], language: str | None = None
) -> Template:
    """The message of this kind, called `name`. Raises Invalid, which names the kind and the parameter."""
    _check_names(name, kind, values)
    filling = _Filling(name, values, forms)
    return Template(
        kind.name,
        language or kind.language,
        header=_header(kind.header, filling),
        body=[filling.put(each, _text) for each in kind.body],
        buttons=[_button(button, filling) for button in kind.buttons],
        category=kind.category,
    )


@dataclass(frozen=True, slots=True)
class _Filling:
    kind: str
    values: Mapping[str, Value]
    forms: Mapping[str, Form]

    def put(self, name: str, make: Callable[[Any], T]) -> T:
        """What the value of this parameter becomes in its place."""
        value = self.values[name]
        try:
            if name in self.forms:
                self.forms[name].check(value)
            return make(value)
        except Invalid as error:
            raise Invalid(f"{self.kind}.{name}", error.rule, error.measure) from None


def _check_names(name: str, kind: Kind, values: Mapping[str, Value]) -> None:
    wanted = kind.parameters
    wants = f"this kind wants {', '.join(wanted)}" if wanted else "this kind has no parameters"
    for unknown in values.keys() - set(wanted):
        raise Invalid(f"{name}.{str(unknown)[:40]}", f"is no parameter here; {wants}")
    for missing in (each for each in wanted if each not in values):
        raise Invalid(f"{name}.{missing}", f"is missing; {wants}")


def _header(header: Header, filling: _Filling) -> Value | None:
    if header.parameter is None:
        return None
    return filling.put(header.parameter, _text if header.type == "text" else partial(_medium, _MEDIA[header.type]))


def _medium(kind: type[Image | Video | Document], value: object) -> Value:
    medium = kind(value) if isinstance(value, str) else value
    if not isinstance(medium, kind):
        raise Invalid("", f"must be of type {kind.__name__}, or a link to one", type_measure(value))
    return validate_header(medium, validate_parameter)


def _button(button: Button, filling: _Filling) -> TemplateButton:
    if button.parameter is None:
        return QuickReply(str(button.payload), index=button.index)
    return filling.put(button.parameter, partial(_BUTTONS[button.type], index=button.index))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Invalid("", "must be text", type_measure(value))
    return validate_parameter(value)
