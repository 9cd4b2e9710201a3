"""Render WhatsApp's markup as HTML: *bold*, _italic_, ~strike~, `code` and ```code```; all else is escaped."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import regex
from markupsafe import Markup, escape

# A mark opens before a word and closes after one (WhatsApp Help Center, "How to format your messages").
_MARK = regex.compile(r"[*_~]|\{[a-z][a-z0-9_]*\}")
_WORD = r"[\p{L}\p{M}\p{N}]"
_OPENS = regex.compile(rf"(?<!{_WORD})[*_~](?=\S)")
_CLOSES = regex.compile(rf"(?<=\S)[*_~](?!{_WORD})")
_CODE = regex.compile(rf"(?<!{_WORD}|`)`([^`\n]*[^`\s][^`\n]*)`(?!{_WORD}|`)")
_FENCE = "```"

_TAGS = {"*": "strong", "_": "em", "~": "s"}


def whatsapp(text: str, slots: Collection[str] = ()) -> Markup:
    """Return the text as HTML in which only the markup has tags. Names of `slots` in braces get a tag as well.

    It takes time in proportion to the length of the text, whatever a customer writes.
    """
    parts = text.split(_FENCE)
    fenced = [index % 2 == 1 and index < len(parts) - 1 and bool(part.strip()) for index, part in enumerate(parts)]
    html = Markup()
    for index, part in enumerate(parts):
        if fenced[index]:
            html += Markup("<code>{}</code>").format(part)
            continue
        plain_before = index > 0 and not fenced[index - 1]
        html += (_FENCE if plain_before else "") + _lines(part, slots)
    return html


def _lines(text: str, slots: Collection[str]) -> Markup:
    return Markup("\n").join(Markup().join(_codes(line, slots)) for line in text.split("\n"))


def _codes(line: str, slots: Collection[str]) -> Iterator[Markup]:
    end = 0
    for found in _CODE.finditer(line):
        yield _marks(line[end : found.start()], slots)
        yield Markup("<code>{}</code>").format(found[1])
        end = found.end()
    yield _marks(line[end:], slots)


def _marks(text: str, slots: Collection[str]) -> Markup:
    """Wrap what stands between the marks of a pair; a mark without a partner stays as it is."""
    pieces: list[Markup] = []
    opened: dict[str, int] = {}
    end = 0
    for found in _MARK.finditer(text):
        sign, at = found[0], found.start()
        pieces.append(escape(text[end:at]))
        end = found.end()
        if sign in opened and _CLOSES.match(text, at) and any(map(str.strip, pieces[opened[sign] + 1 :])):
            start = opened[sign]
            opened = {each: place for each, place in opened.items() if place < start}
            inner = Markup().join(pieces[start + 1 :])
            pieces[start:] = [Markup("<{0}>{1}</{0}>").format(Markup(_TAGS[sign]), inner)]
            continue
        if sign in _TAGS and sign not in opened and _OPENS.match(text, at):
            opened[sign] = len(pieces)
        pieces.append(_slot(sign, slots))
    return Markup().join([*pieces, escape(text[end:])])


def _slot(sign: str, slots: Collection[str]) -> Markup:
    name = sign[1:-1]
    return Markup('<span class="slot">{}</span>').format(name) if name in slots else Markup(sign)
