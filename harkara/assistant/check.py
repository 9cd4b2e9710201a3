"""Check an answer before it is sent: its figures stand in its sources, and it is a message that WhatsApp shows well."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harkara.assistant.grounding import first_ungrounded
from harkara.assistant.message_form import (
    LONGEST,
    MOST_MESSAGES,
    script_of,
    split_messages,
    without_markdown,
    without_surplus_emoji,
)
from harkara.assistant.privacy import PLACEHOLDER, Redaction
from harkara.errors import Invalid
from harkara.messages.html_tags import find_html_tag
from harkara.messages.text import Text

UnsafeKind = Literal["ungrounded", "placeholder", "role", "mixed-scripts", "html", "table", "too-long", "rule", "empty"]


@dataclass(frozen=True, slots=True)
class Safe:
    """The messages to send, one to three."""

    texts: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unsafe:
    """Why an answer must not be sent. A log gets `kind` alone."""

    kind: UnsafeKind
    detail: str = field(default="", repr=False)

    @property
    def reason(self) -> str:
        """For people, such as `ungrounded: price 499`; it may quote the answer."""
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


_LONGEST_ANSWER = 2 * MOST_MESSAGES * LONGEST
"""With room for marks that are removed."""
_ROLE = re.compile(
    r"\bas an? (?:ai|a\.i\.|artificial intelligence|large language|language)\b|\blanguage model\b|\bchat ?gpt\b"
    r"|\bopenai\b|\banthropic\b|\bgemini\b|\b(?:my|the) (?:training data|knowledge cut-?off)\b|\bsystem prompt\b"
    r"|\bmy (?:instructions|guidelines|programming)\b|^\s*(?:assistant|system|user|ai|bot)\s*:|<\|?(?:im_|end|system)"
    r"|भाषा मॉडल",
    re.IGNORECASE | re.MULTILINE,
)
_TABLE = re.compile(r"(?m)^\s*\|.*\|\s*$|^\s*:?-{3,}:?\s*\|")


def check_answer(
    answer: str, sources: Iterable[str], *, redaction: Redaction | None = None, asked: str = ""
) -> Safe | Unsafe:
    """Return the messages of an answer, or why it must not be sent.

    `sources` are the texts that the answer cites: answers of the FAQ and results of lookups. `redaction` restores what
    the customer wrote; without it, a placeholder makes the answer unsafe. `asked` is what the customer wrote: an
    answer may repeat an order number from it, but no price and no date.
    """
    if len(answer) > _LONGEST_ANSWER:
        return Unsafe("too-long", f"{len(answer):,} characters")
    plain = without_markdown(answer)
    if unsafe := _wording(plain) or _foreign(plain, redaction):
        return unsafe
    if invented := first_ungrounded(PLACEHOLDER.sub(" ", plain), sources, PLACEHOLDER.sub(" ", asked)):
        return Unsafe("ungrounded", f"{invented.kind} {invented.value}")
    return _messages(redaction.restore(plain) if redaction else plain)


def _wording(text: str) -> Unsafe | None:
    if not text:
        return Unsafe("empty")
    if said := _ROLE.search(text):
        return Unsafe("role", said[0].strip())
    if tag := find_html_tag(text):
        return Unsafe("html", tag)
    return Unsafe("table") if _TABLE.search(text) else None


def _foreign(text: str, redaction: Redaction | None) -> Unsafe | None:
    foreign = redaction.foreign(text) if redaction else PLACEHOLDER.findall(text)
    return Unsafe("placeholder", foreign[0]) if foreign else None


def _messages(text: str) -> Safe | Unsafe:
    texts = split_messages(text)
    if texts is None:
        return Unsafe("too-long")
    if any(script_of(one) == "both" for one in texts):
        return Unsafe("mixed-scripts")
    if len(texts) > MOST_MESSAGES:
        return Unsafe("too-long", f"{len(texts)} messages")
    texts = tuple(map(without_surplus_emoji, texts))
    return _broken_rule(texts) or Safe(texts)


def _broken_rule(texts: Sequence[str]) -> Unsafe | None:
    """The rules of Chat Mitra, as they apply to every message."""
    for one in texts:
        try:
            Text(one)
        except Invalid as error:
            return Unsafe("rule", error.rule)
    return None
