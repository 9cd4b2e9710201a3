"""The approved text of a kind, and a message of it as the customer reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from harkara.catalogue.model import Model
from harkara.errors import Invalid
from harkara.messages.template_buttons import MAX_BUTTONS

# WhatsApp Cloud API, template components. The limits of header and body hold for the filled text, too (error 132005).
MAX_HEADER, MAX_BODY, MAX_FOOTER, MAX_LABEL = 60, 1_024, 60, 25

WRONG_NUMBER, TOO_LONG = 132000, 132005
"""WhatsApp's codes for another number of values than the template has, and for a text that is too long once filled."""

_PLACEHOLDER: Final = re.compile(r"\{\{(\d{1,2})\}\}")
_FROM_DASHBOARD: Final = "copy the approved text from the dashboard"


def _at_most(limit: int) -> AfterValidator:
    def validate(value: str) -> str:
        if not value.strip() or len(value) > limit:
            raise ValueError(f"has 1 to {limit:,} characters, and this has {len(value):,}; {_FROM_DASHBOARD}")
        return value

    return AfterValidator(validate)


def placeholders(text: str | None) -> int:
    """Return n for a text with the placeholders {{1}} to {{n}}. Raises ValueError for other ones and for a gap."""
    numbers = {int(each) for each in _PLACEHOLDER.findall(text or "")}
    if "{{" in _PLACEHOLDER.sub("", text or "") or numbers != set(range(1, len(numbers) + 1)):
        raise ValueError("the placeholders of a text are {{1}}, {{2}} and so on, without a gap and from {{1}}")
    return len(numbers)


@dataclass(frozen=True, slots=True)
class Preview:
    """A template message as the customer reads it.

    `header` is None for a header with a medium. A placeholder without a value stays, such as {{3}}. `problem` is why
    WhatsApp refuses the message, with `code`; both are None for a message that it sends.
    """

    header: str | None
    body: str
    footer: str | None
    buttons: tuple[str, ...]
    problem: Invalid | None = None
    code: int | None = None

    def lines(self) -> Iterator[str]:
        """Yield the lines from top to bottom, each button in brackets."""
        for part in (self.header, self.body, self.footer):
            yield from (part or "").splitlines()
        if self.buttons:
            yield " ".join(f"[{label}]" for label in self.buttons)


class ApprovedText(Model):
    """The text that Meta approved, with the placeholders {{1}}, {{2}} and so on in header and body.

    `buttons` are the labels of all buttons in their order, also of those without a value.
    """

    header: Annotated[str, _at_most(MAX_HEADER)] | None = None
    body: Annotated[str, _at_most(MAX_BODY)]
    footer: Annotated[str, _at_most(MAX_FOOTER)] | None = None
    buttons: Annotated[tuple[Annotated[str, _at_most(MAX_LABEL)], ...], Field(max_length=MAX_BUTTONS)] = ()

    def fits(self, header: str | None, body: Sequence[str]) -> bool:
        """Return whether the values are as many as the placeholders, and the filled text is no longer than it may be.

        It fills nothing, since it is asked for every message.
        """
        headers = () if header is None else (header,)
        return _fits(self.body, body, MAX_BODY) and (self.header is None or _fits(self.header, headers, MAX_HEADER))

    @model_validator(mode="after")
    def _validate_placeholders(self) -> Self:
        for part in (self.header, self.body):
            placeholders(part)
        if "{{" in (self.footer or ""):
            raise ValueError("a footer has no placeholders")
        return self

    def fill(self, header: str | None, body: Sequence[str]) -> Preview:
        """Return the filled text; a `header` of None is a medium, or the fixed text."""
        headers = [] if header is None else [header]
        filled_header = self.header and _fill(self.header, headers)
        filled_body = _fill(self.body, body)
        problems = self._problems(headers, body, filled_header, filled_body)
        return Preview(filled_header, filled_body, self.footer, self.buttons, *next(problems, (None, None)))

    def _problems(
        self, headers: Sequence[str], body: Sequence[str], filled_header: str | None, filled_body: str
    ) -> Iterator[tuple[Invalid, int]]:
        for part, text, values in (("header", self.header, headers), ("body", self.body, body)):
            if text is not None and (number := placeholders(text)) != len(values):
                rule = f"the approved text has {number} placeholders; give so many values, or correct the catalogue"
                yield Invalid(part, rule, f"this has {len(values)}"), WRONG_NUMBER
        for part, filled, limit in (("header", filled_header, MAX_HEADER), ("body", filled_body, MAX_BODY)):
            if len(filled or "") > limit:
                rule = f"at most {limit:,} characters once the values are filled in; shorten the values"
                yield Invalid(part, rule, f"this has {len(filled or ''):,}"), TOO_LONG


def _fits(text: str, values: Sequence[str], limit: int) -> bool:
    fixed, number, places = _layout(text)
    return len(values) == number and fixed + sum([len(values[place]) for place in places]) <= limit


@lru_cache(maxsize=1_024)
def _layout(text: str) -> tuple[int, int, tuple[int, ...]]:
    """Return the number of fixed characters, the number of placeholders, and the value of each in the text, from 0."""
    places = tuple(int(each) - 1 for each in _PLACEHOLDER.findall(text))
    return len(_PLACEHOLDER.sub("", text)), len(set(places)), places


def _fill(text: str, values: Sequence[str]) -> str:
    def value(found: re.Match[str]) -> str:
        position = int(found[1]) - 1
        return values[position] if position < len(values) else found[0]

    return _PLACEHOLDER.sub(value, text)
