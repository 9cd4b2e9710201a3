"""Validate texts by the rules of Chat Mitra and WhatsApp."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import regex

from harkara.errors import Invalid
from harkara.messages.emoji import count_emoji, is_only_emoji
from harkara.messages.html_tags import find_html_tag
from harkara.messages.markup import find_markup
from harkara.messages.validation import handed_over
from harkara.people.printable import is_printable

# Chat Mitra docs, Validation Rules & Limits: Text Messages.
_EMOJI_LIMIT = 10

# An ASCII text without these characters breaks no rule. A # may be part of a link, a < part of a tag, a ] of markup.
_SUSPECT = re.compile(r"[*#<_~`\]\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SUSPECT_IN_LINE = re.compile(r"[*#<_~`\]\x00-\x1f\x7f]")

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NO_CHARACTER = re.compile(r"[\ud800-\udfff]")  # half of a pair, or a byte that a shell gave in another encoding
_VISIBLE = regex.compile(r"[^\s\p{Cf}\p{Cc}]")
_DEVANAGARI = regex.compile(r"\p{Script=Devanagari}")
_LATIN = regex.compile(r"\p{Script=Latin}")

_LINK = re.compile(
    r"""(?<![\w.@-])(?:
        (?:[a-z][a-z0-9+.-]*://|www\.)\S+              # https://example.com/pay
      | (?:[\w-]+\.)+[a-z]{2,}(?:/\S*)?                # example.com, rzp.io/i/abc
    )""",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_ADDRESS = re.compile(r"(?<![^\s@])[^\s@]+@[^\s@]+")  # asha@example.com, shop@upi
_VARIABLE = re.compile(r"\{\{\w+\}\}")  # {{1}}

PLACEHOLDER = re.compile(r"\$[A-Za-z_]\w*", re.ASCII)
"""A name that Chat Mitra replaces by a value of the contact or of altTexts (docs, Request Body Parameters)."""


@dataclass(frozen=True, slots=True)
class TextRule:
    """A validator for visible plain text of at most `limit` characters.

    `lines` is True for the text of a message, which may have line breaks and tabs but not emoji alone.
    It is False for a part of a message, such as a title or a parameter, which may be emoji alone. `in_link` is True
    for a part of a link, in which WhatsApp renders no markup.
    """

    limit: int
    lines: bool = False
    in_link: bool = False

    def __call__(self, value: str) -> str:
        """Return the value, or raise Invalid with an empty field."""
        if len(value) > self.limit:
            raise Invalid("", f"at most {self.limit:,} characters", f"this has {len(value):,}")
        suspect = _SUSPECT if self.lines else _SUSPECT_IN_LINE
        if value.isascii() and value and not value.isspace() and not suspect.search(value):
            return value
        for rule, measure in self._faults(value):
            raise Invalid("", rule, measure)
        return value

    def _faults(self, value: str) -> Iterator[tuple[str, str | None]]:
        if not _VISIBLE.search(value):
            yield "must not be blank", None
        if marks := _NO_CHARACTER.findall(value):
            yield "is not in UTF-8; convert it", f"wrong characters: {len(marks)}"
        if self.lines and (marks := _CONTROL.findall(value)):
            yield "has control characters; remove them", f"this has {len(marks)}"
        if not self.lines and (marks := _BREAK.findall(value)):
            rule = "has line breaks, tabs or other control characters; write it on one line"
            yield rule, f"this has {len(marks)}"
        yield from _refused_by_chat_mitra(value)
        if not self.in_link and not handed_over() and (pair := find_markup(value)):
            yield "has markup, which Chat Mitra forbids; remove the marks", f"this has {pair}"
        if (count := count_emoji(value)) > _EMOJI_LIMIT:
            yield f"at most {_EMOJI_LIMIT} emoji", f"this has {count}"
        if self.lines and count and is_only_emoji(value):
            yield "must have words beside the emoji", None


@dataclass(frozen=True, slots=True)
class PrintableRule:
    """A validator for an id, a code or a line of a contact card: 1 to `limit` printable characters."""

    limit: int

    def __call__(self, value: str) -> str:
        """Return the value, or raise Invalid with an empty field."""
        if not value or len(value) > self.limit:
            raise Invalid("", f"1 to {self.limit:,} characters", f"this has {len(value):,}")
        if "*" in value or not is_printable(value) or value != value.strip():
            raise Invalid("", "must be printable, without an asterisk and without a space at either end")
        return value


# Chat Mitra docs, Validation Rules & Limits: Templates.
_PARAMETER = TextRule(1_024)
_LINK_END = TextRule(1_024, in_link=True)


def validate_link_end(value: str) -> str:
    """Validate the template parameter that becomes the end of a button's link."""
    if "#" in value or any(mark.isspace() for mark in value):
        raise Invalid("", "must have no space and no #, because it becomes the end of a link")
    return validate_parameter(value, _LINK_END)


def validate_parameter(value: str, rule: TextRule = _PARAMETER) -> str:
    """Validate a template parameter.

    WhatsApp refuses 5 spaces in a row (reports about the Cloud API), and Chat Mitra blocks payment links of the form
    upi:// (reported by its users).
    """
    rule(value)
    if "     " in value:
        raise Invalid("", "at most 4 spaces in a row")
    if "://" in value and "upi://" in value.casefold() and not handed_over():
        raise Invalid("", "has a upi:// link, which Chat Mitra blocks; use the https:// link of your payment page")
    return value


def _refused_by_chat_mitra(value: str) -> Iterator[tuple[str, str | None]]:
    """Yield the rules of Chat Mitra that the text breaks.

    Source: Chat Mitra docs, Validation Rules. That it refuses asterisks and the # part of a link, its users report.
    """
    if "*" in value:
        yield "has an asterisk, which Chat Mitra refuses; remove it", f"this has {value.count('*')}"
    if "#" in value and any("#" in link for link in _LINK.findall(value)):
        yield "has a link with a # part; remove the # and the text after it", None
    if tag := find_html_tag(value):
        yield "has HTML; write plain text", f"this has {tag}"
    if _DEVANAGARI.search(value) and _LATIN.search(value) and _LATIN.search(_without_links(value)):
        yield "mixes Devanagari and Latin letters; write one script in each text", None


def _without_links(value: str) -> str:
    """Remove links, e-mail addresses and placeholders, which are Latin in a text of any script."""
    for pattern in (_ADDRESS, _LINK, _VARIABLE, PLACEHOLDER):
        value = pattern.sub(" ", value)
    return value
