"""What a text may be made of (Chat Mitra docs, Validation Rules, Text Messages; the characters from production)."""

from __future__ import annotations

import re
from typing import Any

import regex

from sandbox.answers import Refused, broken
from sandbox.rules.shape import a_string

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
    """A text message: all rules.

    Emoji are counted as a reader does, a family or a flag as one.
    """
    text = a_string(value, field, most=TEXT_MAX)
    check_characters(text)
    if text.isascii():
        return
    emoji, rest = count_emoji(text)
    if emoji > EMOJI_MAX:
        raise broken(field, f"must have at most {EMOJI_MAX} emoji, has {emoji}")
    if emoji and not rest.strip():
        raise broken(field, "must not consist of emoji alone")
    if _mixes_scripts(text):
        raise broken(field, "must not mix Devanagari and Latin letters")


def check_characters(text: str) -> None:
    """No asterisk, no link with a fragment, no HTML or Markdown; a bare `#`, `_` and `~` are fine."""
    if _MARKUP.search(text):
        raise Refused(400, "Text contains invalid characters")


def a_plain_string(value: Any, field: str, *, most: int) -> str:
    """A text beside the message's own: a caption, a header, a body over buttons."""
    text = a_string(value, field, most=most)
    check_characters(text)
    return text


def count_emoji(text: str) -> tuple[int, str]:
    """The number of emoji, and the text without them.

    `©` and `™` are letters until a variation selector asks for their picture.
    """
    if not _EMOJI.search(text):
        return 0, text
    graphemes = _GRAPHEME.findall(text)
    rest = [grapheme for grapheme in graphemes if grapheme.isascii() or not _EMOJI.search(grapheme)]
    return len(graphemes) - len(rest), "".join(rest)


def is_one_emoji(text: str) -> bool:
    """A bare `❤` is one too: WhatsApp draws it in colour."""
    return bool(_GRAPHEME.fullmatch(text) and _PICTURE.search(text))


def _mixes_scripts(text: str) -> bool:
    """A link or an address is Latin by nature, and no reason to refuse a Hindi text."""
    if not _DEVANAGARI.search(text):
        return False
    return bool(_LATIN.search(_ADDRESS.sub("", text)))
