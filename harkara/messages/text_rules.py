"""The rules that a text must keep so that Chat Mitra and WhatsApp take it, each refusal with its measure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import regex

from harkara.errors import Invalid
from harkara.messages.emoji import count_emoji, is_only_emoji
from harkara.messages.html_tags import find_html_tag

# Chat Mitra docs, Validation Rules & Limits: Text Messages.
_EMOJI_LIMIT = 10

# Nothing to examine in an ASCII text without these. A # may be part of a link, a < of a tag.
_SUSPECT = re.compile(r"[*#<\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SUSPECT_IN_LINE = re.compile(r"[*#<\x00-\x1f\x7f]")

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
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
"""What Chat Mitra fills in from the contact or from altTexts, such as $name (docs, Request Body Parameters)."""


@dataclass(frozen=True, slots=True)
class TextRule:
    """At most `limit` characters of plain text that one can see.

    `lines` allows line breaks and tabs. What may not have them is a piece of a message (a title, a parameter), and
    such a piece may be emoji alone, as a message may not.
    """

    limit: int
    lines: bool = False

    def __call__(self, value: str) -> str:
        """Returns the value, or raises Invalid for the field it stands in."""
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
        if self.lines and (marks := _CONTROL.findall(value)):
            yield "no control characters", f"this has {len(marks)}"
        if not self.lines and (marks := _BREAK.findall(value)):
            yield "no line breaks, tabs or other control characters", f"this has {len(marks)}"
        yield from _refused_by_chat_mitra(value)
        if (count := count_emoji(value)) > _EMOJI_LIMIT:
            yield f"at most {_EMOJI_LIMIT} emoji", f"this has {count}"
        if self.lines and count and is_only_emoji(value):
            yield "must have words beside the emoji", None


@dataclass(frozen=True, slots=True)
class PrintableRule:
    """At most `limit` printable characters for machines: an id, a code, a line of a contact card."""

    limit: int

    def __call__(self, value: str) -> str:
        """Returns the value, or raises Invalid for the field it stands in."""
        if not value or len(value) > self.limit:
            raise Invalid("", f"1 to {self.limit:,} characters", f"this has {len(value):,}")
        if "*" in value or not value.isprintable() or value != value.strip():
            raise Invalid("", "only printable characters, without an asterisk, and no space around them")
        return value


# Chat Mitra docs, Validation Rules & Limits: Templates.
_PARAMETER = TextRule(1_024)


def validate_parameter(value: str) -> str:
    """The rule for a template's parameter; WhatsApp refuses wide gaps in one (field reports, Cloud API)."""
    _PARAMETER(value)
    if "     " in value:
        raise Invalid("", "at most 4 spaces in a row")
    return value


def _refused_by_chat_mitra(value: str) -> Iterator[tuple[str, str | None]]:
    """Chat Mitra docs, Validation Rules; that it refuses an asterisk, and a link's # part, is reported by its users."""
    if "*" in value:
        yield "no asterisk", f"this has {value.count('*')}"
    if "#" in value and any("#" in link for link in _LINK.findall(value)):
        yield "no link with a # part", None
    if tag := find_html_tag(value):
        yield "no HTML", f"this has {tag}"
    if _DEVANAGARI.search(value) and _LATIN.search(value) and _LATIN.search(_without_links(value)):
        yield "no Devanagari and Latin letters in one text", None


def _without_links(value: str) -> str:
    """Links, addresses and placeholders are Latin by nature and belong to no language."""
    for pattern in (_ADDRESS, _LINK, _VARIABLE, PLACEHOLDER):
        value = pattern.sub(" ", value)
    return value
