"""Find English words on a page in another language: what the console forgot to translate."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from html.parser import HTMLParser

_WITHOUT_END = frozenset("area base br col embed hr img input link meta source track wbr".split())
_SKIPPED = frozenset("code script style textarea title".split())
_OF_OTHERS = frozenset(("buttons", "code", "foot", "head", "slot", "words"))
"""Classes of what customers read, whose language is that of the message, and of codes."""

_SHOWN = frozenset("alt aria-label data-copied data-label data-too-large placeholder title".split())

_WORD = re.compile(r"(?<![\w./@:+&=<•-])[A-Za-z]{3,}(?![\w/@:=•-]|\.\w)")
"""A word that stands alone: it is no part of an address, a file, a code, a setting or a masked number."""

_COMMAND = re.compile(r"`[^`]*`|answer person_\w+( \d+)+")
"""A command, or the reference of an answer of the assistant."""

_NAMES = frozenset(
    "api apprise caddy celery chat csv dsn excel faq harkara http inr json meta mitra ntp openapi opentelemetry otlp"
    " pdf postgresql post prometheus redis sentry sha sms sqlite traceparent url utc utf valkey whatsapp".split()
)
"""Names of products, formats and measures, which no language translates."""

_KEPT = ("English", "Standard Webhooks", "lanes, mode (shadow, drafts, live), share", "only", "text या json")
"""Names of settings and of their values, and of the other language."""


class _Texts(HTMLParser):
    """Collects what people read on a page, without code, fields and bubbles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._skips: list[bool] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [given[name] or "" for name in _SHOWN & given.keys()]
        if tag not in _WITHOUT_END:
            classes = (given.get("class") or "").split()
            self._skips.append(tag in _SKIPPED or not _OF_OTHERS.isdisjoint(classes))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _WITHOUT_END:
            self._skips.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._skips):
            self.found.append(data)


def english_texts(page: str, data: Collection[str]) -> dict[str, set[str]]:
    """Return the texts of a page that have English words, with these words.

    Names, commands and codes are none, and what is in `data`, which others wrote.
    """
    longest_first = sorted({*data, *_KEPT}, key=len, reverse=True)
    known = re.compile("|".join(rf"(?<![A-Za-z]){re.escape(text)}(?![A-Za-z])" for text in longest_first))
    texts = (" ".join(_COMMAND.sub("", text).split()) for text in _Texts(page).found)
    return {text: words for text in texts if (words := {*_words(known.sub("", text))})}


def _words(text: str) -> Iterator[str]:
    return (word for word in _WORD.findall(text) if word.casefold() not in _NAMES)
