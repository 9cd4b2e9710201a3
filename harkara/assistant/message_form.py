"""Bring an answer into the form of messages: plain text, few emoji, one script and at most 1,000 characters each."""

from __future__ import annotations

import re
from typing import Final

import regex

from harkara.messages.emoji import count_emoji

MOST_MESSAGES: Final = 3
LONGEST: Final = 1_000
LONGEST_GREETING: Final = 310
"""A sentence of 250 characters with the name of the business, which has 60 at most."""

_MOST_EMOJI = 10

_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]\n]{1,300})\]\(((?:https?://|www\.|mailto:|tel:)[^\s()]{1,500})\)")
_HEADING = re.compile(r"(?m)^[ \t]{0,3}#{1,6}[ \t]+")
_BULLET = re.compile(r"(?m)^([ \t]{0,8})\*[ \t]+")
_RULE = re.compile(r"(?m)^[ \t]*(?:-{3,}|_{3,})[ \t]*$")
_ITALIC = re.compile(r"(?<![\w/])(_{1,2}|~{1,2}|`{1,3})(?=\S)([^_~`\n]{1,300})(?<=\S)\1(?![\w/])")
_BLANK_LINES = re.compile(r"[ \t]*\n[ \t]*\n\s*")
_GRAPHEME = regex.compile(r"\X")

# Not before a digit, so that "Rs. 499" stays whole.
_SENTENCE_END = re.compile(r"(?<=[.!?।॥…])\s+(?![0-9०-९])|\s*\n\s*")
_WITHIN_FIGURE = re.compile(r"(?:[0-9०-९,.:/-]|₹|\b(?:rs|inr|no)\.?|@)$", re.IGNORECASE)

_DEVANAGARI = regex.compile(r"\p{Script=Devanagari}")
_LATIN = regex.compile(r"\p{Script=Latin}")
_ADDRESS = re.compile(r"\S*(?:://|www\.|@)\S*|(?<![\w.-])(?:[a-zA-Z0-9-]+\.)+[a-z]{2,10}(?:/\S*)?")


def without_markdown(text: str) -> str:
    """Return the text without the marks of Markdown: emphasis, headings, bullets of asterisks, named links."""
    text = _MARKDOWN_LINK.sub(_named_link, text.replace("\r\n", "\n"))
    text = _BULLET.sub(r"\1- ", _RULE.sub("", _HEADING.sub("", text)))
    return _BLANK_LINES.sub("\n\n", _ITALIC.sub(r"\2", text.replace("*", ""))).strip()


def _named_link(match: re.Match[str]) -> str:
    name, link = match[1].strip(), match[2].removeprefix("mailto:").removeprefix("tel:")
    return link if name in link else f"{name}: {link}"


def without_surplus_emoji(text: str) -> str:
    """Return the text with its first ten emoji."""
    if (surplus := count_emoji(text) - _MOST_EMOJI) <= 0:
        return text
    parts = _GRAPHEME.findall(text)
    for at in range(len(parts) - 1, -1, -1):
        if surplus and not parts[at].isascii() and count_emoji(parts[at]):
            parts[at], surplus = "", surplus - 1
    return "".join(parts).strip()


def script_of(text: str) -> str | None:
    """Return `latin`, `devanagari`, `both`, or None for a text without letters; links and addresses do not count."""
    rest = _ADDRESS.sub(" ", text)
    latin, devanagari = bool(_LATIN.search(rest)), bool(_DEVANAGARI.search(rest))
    if latin and devanagari:
        return "both"
    return "latin" if latin else "devanagari" if devanagari else None


def split_messages(text: str) -> tuple[str, ...] | None:
    """Return the messages of a text, divided at the ends of sentences and where the script changes.

    A sentence that is too long is divided between words, never within a link or a number. None if a part without a
    space is too long for one message.
    """
    messages: list[str] = []
    script: str | None = None
    for glue, sentence in _sentences(text):
        written = script_of(sentence)
        same = not (script and written and script != written)
        if messages and same and len(messages[-1]) + len(glue) + len(sentence) <= LONGEST:
            messages[-1] += glue + sentence
        elif (parts := _words(sentence)) is None:
            return None
        else:
            messages += parts
            script = None
        script = script or written
    return tuple(messages)


def _sentences(text: str) -> list[tuple[str, str]]:
    """Each sentence with the space before it."""
    sentences, start, glue = list[tuple[str, str]](), 0, ""
    for end in _SENTENCE_END.finditer(text):
        if sentence := text[start : end.start()].strip():
            sentences.append((glue, sentence))
            glue = end[0] if "\n" in end[0] else " "
        start = end.end()
    if rest := text[start:].strip():
        sentences.append((glue, rest))
    return sentences


def _words(sentence: str) -> list[str] | None:
    parts = [""]
    for word in sentence.split(" "):
        if not parts[-1] or len(parts[-1]) + 1 + len(word) <= LONGEST:
            parts[-1] = f"{parts[-1]} {word}".strip()
            continue
        moved = [word]
        while len(moved) < 8 and " " in (kept := parts[-1]) and _WITHIN_FIGURE.search(kept):  # "98765 43210", "Rs 499"
            parts[-1], _, last = kept.rpartition(" ")
            moved.insert(0, last)
        parts.append(" ".join(moved))
    return parts if all(len(part) <= LONGEST for part in parts) else None
