"""One kind of template, as it stands in config/templates.toml: what fills it, and what its sending implies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from keyword import iskeyword
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, model_validator

from harkara.errors import Invalid
from harkara.messages import Envelope
from harkara.messages.template import MAX_PARAMETERS, Language, TemplateCategory, TemplateName
from harkara.messages.template_buttons import MAX_BUTTONS, Index, Payload
from harkara.messages.validation import type_measure

OPTIONS = frozenset({"reference", "at", "expires", "lane", "priority", "language", "customer_name", "opted_in"})
"""What `Client.send_template` takes beside the kind, the recipient and the kind's own parameters."""

_TAKEN = OPTIONS | {"self", "kind", "to"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name is 1 to 60 of a-z, 0-9 and _, and begins with a letter")
    return value


def _parameter(value: str) -> str:
    _name(value)
    if value in _TAKEN or iskeyword(value):
        raise ValueError(f"no parameter can be called {value}, which means something else in a call: find another name")
    return value


KindName = Annotated[str, AfterValidator(_name)]
ParameterName = Annotated[str, AfterValidator(_parameter)]


class Model(BaseModel):
    """Base of the models here: what a file says that nobody understands is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Form(Model):
    """What the values of a parameter must look like."""

    pattern: re.Pattern[str]
    rule: Annotated[str, Field(min_length=5)]

    def check(self, value: object) -> None:
        """Raises Invalid."""
        if not isinstance(value, str):
            raise Invalid("", "must be text", type_measure(value))
        if not self.pattern.fullmatch(value):
            raise Invalid("", self.rule, f"this has {len(value):,} characters")


class Header(Model):
    """What stands above the text; a fixed text has no parameter."""

    type: Literal["none", "text", "image", "video", "document"] = "none"
    parameter: ParameterName | None = None

    @model_validator(mode="after")
    def _filled(self) -> Self:
        if self.type == "none" and self.parameter:
            raise ValueError("a header with a parameter needs its type")
        if self.type not in ("none", "text") and not self.parameter:
            raise ValueError(f"a header of type {self.type} needs the parameter that brings the link")
        return self


class Button(Model):
    """A button that needs something: from a parameter, or the same `payload` for everybody."""

    type: Literal["url", "quick_reply", "copy_code"]
    index: Index
    parameter: ParameterName | None = None
    payload: Payload | None = None

    @model_validator(mode="after")
    def _filled(self) -> Self:
        if (self.parameter is None) == (self.payload is None):
            raise ValueError("a button has either a parameter or a payload")
        if self.payload and self.type != "quick_reply":
            raise ValueError("only a quick_reply has a payload; name the parameter that fills this button")
        return self


class Kind(Model):
    """The head of config/templates.toml says what the fields mean."""

    name: TemplateName
    language: Language = "en"
    category: TemplateCategory
    like: KindName | None = None
    header: Header = Header()
    body: Annotated[tuple[ParameterName, ...], Field(max_length=MAX_PARAMETERS)] = ()
    buttons: Annotated[tuple[Button, ...], Field(max_length=MAX_BUTTONS)] = ()
    when: Annotated[str, Field(min_length=5)]
    says: str | None = None
    expires: PositiveInt | None = None

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if len(set(self.body)) < len(self.body):
            raise ValueError("the body names a parameter twice")
        if len({button.index for button in self.buttons}) < len(self.buttons):
            raise ValueError("two buttons have the same index")
        return self

    @property
    def parameters(self) -> tuple[str, ...]:
        """Every name once: the header's, those of the body in the order of their index, those of the buttons alone."""
        return tuple(dict.fromkeys(self._places()))

    def in_time(self, envelope: Envelope) -> Envelope:
        """The envelope with the kind's deadline, unless it has one of its own."""
        if self.expires is None or envelope.expires is not None:
            return envelope
        begin = envelope.at or datetime.now(UTC)
        return envelope.model_copy(update={"expires": begin + timedelta(seconds=self.expires)})

    def _places(self) -> Iterator[str]:
        if self.header.parameter:
            yield self.header.parameter
        yield from self.body
        yield from (button.parameter for button in self.buttons if button.parameter)
