"""The characters of a text (Chat Mitra docs, Validation Rules, Text Messages; some rules come from production)."""

from __future__ import annotations

import re
from typing import Any

import regex

from sandbox.responses import RequestRefused, invalid_field
from sandbox.rules.field_types import require_string

TEXT_MAX = 4_096
EMOJI_MAX = 10

_TAGS = """
    a abbr article aside audio b big blockquote body br button center cite code dd del dialog div dl dt em embed figure
    font footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label li link main mark meta nav
    object ol option p pre q s script section select small span strike strong style sub sup svg table tbody td template
    textarea tfoot th thead title tr tt u ul var video
"""
_MARKUP = re.compile(
    r"\*"  # one alone is enough
    r"|(?:https?://|www\.)[^\s#]*#"  # the fragment of a link
    rf"|</?(?:{'|'.join(_TAGS.split())})(?:\s[^<>]*)?/?>|<!--"
    r"|```|\]\(https?://",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+", re.IGNORECASE)
_DEVANAGARI = regex.compile(r"\p{Script=Devanagari}")
_LATIN = regex.compile(r"\p{Script=Latin}")
_GRAPHEME = regex.compile(r"\X")
_EMOJI = regex.compile(r"\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F|\u20E3")
_PICTURE = regex.compile(r"\p{Emoji_Presentation}|\p{Extended_Pictographic}|\u20E3")


def check_text(value: Any, field: str) -> None:
    """Check all rules of a text message. An emoji of several code points, such as a flag, counts as one."""
    text = require_string(value, field, most=TEXT_MAX)
    check_characters(text)
    if text.isascii():
        return
    emoji, rest = count_emoji(text)
    if emoji > EMOJI_MAX:
        raise invalid_field(field, f"must have at most {EMOJI_MAX} emoji, has {emoji}")
    if emoji and not rest.strip():
        raise invalid_field(field, "must not consist of emoji alone")
    if _mixes_scripts(text):
        raise invalid_field(field, "must not mix Devanagari and Latin letters")


def check_characters(text: str) -> None:
    """Refuse asterisks, links with a fragment, HTML and Markdown; a single `#`, `_` or `~` passes."""
    if _MARKUP.search(text):
        raise RequestRefused(400, "Text contains invalid characters")


def require_plain_string(value: Any, field: str, *, most: int) -> str:
    """Require a text that is part of another message: a caption, a header, a body with buttons."""
    text = require_string(value, field, most=most)
    check_characters(text)
    return text


def count_emoji(text: str) -> tuple[int, str]:
    """Return the number of emoji, and the text without them. `©` and `™` are emoji only with a variation selector."""
    if not _EMOJI.search(text):
        return 0, text
    graphemes = _GRAPHEME.findall(text)
    rest = [grapheme for grapheme in graphemes if grapheme.isascii() or not _EMOJI.search(grapheme)]
    return len(graphemes) - len(rest), "".join(rest)


def is_one_emoji(text: str) -> bool:
    """Return whether the text is one emoji; a bare `❤` is one, which WhatsApp draws in color."""
    return bool(_GRAPHEME.fullmatch(text) and _PICTURE.search(text))


def _mixes_scripts(text: str) -> bool:
    """Return whether Devanagari and Latin letters occur together, outside links and e-mail addresses."""
    if not _DEVANAGARI.search(text):
        return False
    return bool(_LATIN.search(_ADDRESS.sub("", text)))
