"""One kind of template, as config/templates.toml defines it: its parameters, category and deadline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from keyword import iskeyword
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from harkara.catalogue.approved_text import ApprovedText, Preview, placeholders
from harkara.catalogue.model import Model
from harkara.errors import Invalid
from harkara.messages import Envelope
from harkara.messages.template import MAX_PARAMETERS, Language, TemplateCategory, TemplateName
from harkara.messages.template_buttons import MAX_BUTTONS, Index, Payload
from harkara.messages.validation import type_measure

OPTIONS = frozenset({"reference", "at", "expires", "lane", "priority", "language", "customer_name", "opted_in"})
"""Arguments of `Client.send_template` besides the kind, the recipient and the kind's own parameters."""

_RESERVED = OPTIONS | {"self", "kind", "to"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name is 1 to 60 of a-z, 0-9 and _, and begins with a letter")
    return value


def _parameter(value: str) -> str:
    _name(value)
    if value in _RESERVED or iskeyword(value):
        raise ValueError(
            f"{value} cannot be a parameter's name, since it has another meaning in a call: choose another name"
        )
    return value


_AGREE = ": copy the approved text from the dashboard, or correct the parameters"


def base_language(code: str) -> str:
    """Return `en` for `en_US`."""
    return code.partition("_")[0]


KindName = Annotated[str, AfterValidator(_name)]
ParameterName = Annotated[str, AfterValidator(_parameter)]


class ParameterFormat(Model):
    """The format of a parameter's values: a pattern for the whole value, and the same rule in words."""

    pattern: re.Pattern[str]
    rule: Annotated[str, Field(min_length=5)]

    def validate_value(self, value: object) -> None:
        """Raises Invalid."""
        if not isinstance(value, str):
            raise Invalid("", "must be text", type_measure(value))
        if not self.pattern.fullmatch(value):
            raise Invalid("", self.rule, f"this has {len(value):,} characters")


class HeaderSpec(Model):
    """The header of a kind. A header with a fixed text has no parameter."""

    type: Literal["none", "text", "image", "video", "document"] = "none"
    parameter: ParameterName | None = None

    @model_validator(mode="after")
    def _validate_source(self) -> Self:
        if self.type == "none" and self.parameter:
            raise ValueError("a header with a parameter needs its type")
        if self.type not in ("none", "text") and not self.parameter:
            raise ValueError(f"a header of type {self.type} needs the parameter that contains its link")
        return self


class ButtonSpec(Model):
    """A button with a value: from a parameter, or the same `payload` in every message."""

    type: Literal["url", "quick_reply", "copy_code"]
    index: Index
    parameter: ParameterName | None = None
    payload: Payload | None = None

    @model_validator(mode="after")
    def _validate_source(self) -> Self:
        if (self.parameter is None) == (self.payload is None):
            raise ValueError("a button has either a parameter or a payload")
        if self.payload and self.type != "quick_reply":
            raise ValueError("only a quick_reply has a payload; give this button a parameter")
        return self


class Kind(Model):
    """A kind of template. The comment at the top of config/templates.toml explains the fields."""

    name: TemplateName
    language: Language = "en"
    category: TemplateCategory
    like: KindName | None = None
    header: HeaderSpec = HeaderSpec()
    body: Annotated[tuple[ParameterName, ...], Field(max_length=MAX_PARAMETERS)] = ()
    buttons: Annotated[tuple[ButtonSpec, ...], Field(max_length=MAX_BUTTONS)] = ()
    when: Annotated[str, Field(min_length=5)]
    says: str | None = None
    expires: PositiveInt | None = None
    text: ApprovedText | None = None
    """None if a deployment has not copied the text of its own template into the catalogue."""

    @model_validator(mode="after")
    def _validate_unique(self) -> Self:
        if len(set(self.body)) < len(self.body):
            raise ValueError("the body has a parameter twice")
        if len({button.index for button in self.buttons}) < len(self.buttons):
            raise ValueError("two buttons have the same index")
        return self

    @model_validator(mode="after")
    def _validate_text(self) -> Self:
        if self.text is None:
            return self
        for part, text, names in (
            ("body", self.text.body, len(self.body)),
            ("header", self.text.header, int(self.header.type == "text" and self.header.parameter is not None)),
        ):
            if (found := placeholders(text)) != names:
                raise ValueError(f"text.{part} has {found} placeholders, but `{part}` names {names} parameters{_AGREE}")
        if (self.text.header is None) == (self.header.type == "text"):
            raise ValueError(f"a header of type text has its text in text.header, and no other header has{_AGREE}")
        last = max((button.index for button in self.buttons), default=-1)
        if last >= (labels := len(self.text.buttons)):
            raise ValueError(f"text.buttons has {labels} labels, but `buttons` names the index {last}{_AGREE}")
        return self

    def speaks(self, language: str) -> bool:
        """Return whether the text is in this language: en_US and en_GB are both that of a kind in en."""
        return language == self.language or base_language(language) == base_language(self.language)

    def outline(self) -> Preview | None:
        """Return the text with the names of the parameters in place of their values, None without a text."""
        if self.text is None:
            return None
        header = self.header.parameter if self.header.type == "text" else None
        return self.text.fill(header and f"{{{header}}}", [f"{{{name}}}" for name in self.body])

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters, each once: of the header, then of the body in order, then of the buttons."""
        return tuple(dict.fromkeys(self._parameters()))

    def with_deadline(self, envelope: Envelope) -> Envelope:
        """Return the envelope with the kind's deadline, unless it has its own."""
        if self.expires is None or envelope.expires is not None or envelope.valid_for is not None:
            return envelope
        return envelope.with_validity(timedelta(seconds=self.expires))

    def _parameters(self) -> Iterator[str]:
        if self.header.parameter:
            yield self.header.parameter
        yield from self.body
        yield from (button.parameter for button in self.buttons if button.parameter)
