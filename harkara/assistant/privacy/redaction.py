"""Replace what was found by placeholders, and restore it where the customer wrote it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from harkara.assistant.privacy.documents import find_documents, find_spelled
from harkara.assistant.privacy.found import PLACEHOLDER, Found, merge
from harkara.assistant.privacy.names_said import find_names_said
from harkara.assistant.privacy.numbers import find_numbers
from harkara.assistant.privacy.secrets_said import find_birth_dates, find_codes, find_passwords, find_rest_of_card
from harkara.assistant.privacy.skeleton import Skeleton, read_skeleton
from harkara.assistant.privacy.spoken import read_spelled, read_spoken
from harkara.assistant.talk import Said, Talk

_APART = "\n" * 8
"""Between texts of two speakers: further apart than two groups of digits of one number may be."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """The texts of a talk with placeholders, and what these stand for."""

    texts: tuple[str, ...]
    counts: Mapping[str, int]
    """How many values of each kind were found, for the log."""
    values: Mapping[str, str] = field(repr=False)
    """By placeholder, as it was written first; only values that the customer wrote."""

    @property
    def text(self) -> str:
        """The texts, a line each."""
        return "\n".join(self.texts)

    def restore(self, answer: str) -> str:
        """Return the answer with the values in it that the customer wrote; other placeholders stay."""
        return PLACEHOLDER.sub(lambda found: self.values.get(found[0], found[0]), answer)

    def foreign(self, answer: str) -> tuple[str, ...]:
        """Return the placeholders of an answer that stand for nothing that the customer wrote."""
        return tuple(found for found in PLACEHOLDER.findall(answer) if found not in self.values)


def redact_talk(talk: Talk, more: Sequence[str] = ()) -> Redaction:
    """Redact all messages of a talk, and then `more`, such as results of lookups.

    A placeholder of the talk's messages is the same with any `more`.
    """
    others = [Said(by="application", text=text, at=talk.now) for text in more]
    return redact([*talk.said, *others], number=talk.number, name=talk.name)


class TalkFilter:
    """Redacts a talk, and then the results of its lookups one after another, with the placeholders of the talk."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._more: list[str] = []
        self.redaction = redact_talk(talk)
        """Of the messages of the talk alone: what of an answer may be restored."""

    def __call__(self, texts: Sequence[str]) -> Sequence[str]:
        """Return the texts without what is personal."""
        before = len(self._talk.said) + len(self._more)
        self._more += texts
        return redact_talk(self._talk, self._more).texts[before:]


def redact(said: Iterable[Said | str], *, number: str | None = None, name: str | None = None) -> Redaction:
    """Redact texts; a `str` is a message of the customer.

    `number` has the digits of the contact's own number with the country code, and `name` the contact's name; both are
    replaced wherever they stand. A number that is split over messages in a row of one speaker is found.
    """
    speakers, texts = list[str](), list[str]()
    for one in said:
        speakers.append(one.by if isinstance(one, Said) else "customer")
        texts.append(one.text if isinstance(one, Said) else one)
    whole, starts = _join(texts, speakers)
    skeleton = read_skeleton(whole)
    placeholders = _Placeholders(whole)
    redacted = [list[str]() for _ in texts]
    done = list(starts)
    for found in merge(_find(skeleton, number, name)):
        start, end = skeleton.span(found.start, found.end)
        for index, part_start, part_end in _parts(start, end, starts, texts):
            part = whole[part_start:part_end]
            value = _canonical(skeleton, found) if (part_start, part_end) == (start, end) else part
            shown = placeholders.of(found.kind, value, part, speakers[index] == "customer")
            redacted[index] += [whole[done[index] : part_start], shown]
            done[index] = part_end
        placeholders.counts[found.kind] += 1
    for index, text in enumerate(texts):
        redacted[index].append(whole[done[index] : starts[index] + len(text)])
    return Redaction(tuple(map("".join, redacted)), dict(placeholders.counts), placeholders.values)


class _Placeholders:
    """Gives each value its placeholder. One that the texts contain themselves is never given."""

    def __init__(self, whole: str) -> None:
        self._taken = set(PLACEHOLDER.findall(whole))
        self._given: dict[tuple[str, str], str] = {}
        self._numbers: Counter[str] = Counter()
        self.values: dict[str, str] = {}
        self.counts: Counter[str] = Counter()

    def of(self, kind: str, canonical: str, written: str, by_customer: bool) -> str:
        shown = self._given.get((kind, canonical)) or self._next(kind)
        self._given[kind, canonical] = shown
        if by_customer:
            self.values.setdefault(shown, written)
        return shown

    def _next(self, kind: str) -> str:
        while True:
            self._numbers[kind] += 1
            if (shown := f"[{kind}-{self._numbers[kind]}]") not in self._taken:
                return shown


def _join(texts: Sequence[str], speakers: Sequence[str]) -> tuple[str, list[int]]:
    """The texts as one, and where each begins."""
    gaps = ["\n" if one == other else _APART for one, other in pairwise(speakers)]
    starts, parts, length = list[int](), list[str](), 0
    for text, gap in zip(texts, [*gaps, ""], strict=False):
        starts.append(length)
        parts += [text, gap]
        length += len(text) + len(gap)
    return "".join(parts), starts


def _find(skeleton: Skeleton, number: str | None, name: str | None) -> Iterator[Found]:
    for text in dict.fromkeys((skeleton.plain, skeleton.numeric)):
        yield from _numbers(text, number)
    if spoken := read_spoken(skeleton.numeric):
        for found in _numbers(spoken.text, number):
            yield Found(*spoken.span(found.start, found.end), found.kind)
    yield from find_documents(skeleton.plain)
    yield from find_spelled(skeleton.plain)
    if spelled := read_spelled(skeleton.plain):
        for found in find_spelled(spelled.text):
            yield Found(*spelled.span(found.start, found.end), found.kind)
    yield from find_passwords(skeleton.plain)
    yield from find_birth_dates(skeleton.plain)
    yield from find_names_said(skeleton.plain)
    if words := _name(name):
        yield from (Found(*match.span(), "name") for match in words.finditer(skeleton.plain))


def _numbers(text: str, own: str | None) -> Iterator[Found]:
    yield from find_codes(text)
    for found in find_numbers(text, own):
        yield found
        if found.kind == "card":
            yield from find_rest_of_card(text, found.end)


def _name(name: str | None) -> re.Pattern[str] | None:
    """Match the whole name and each of its words that has three letters or more."""
    whole = " ".join(read_skeleton(name or "").plain.split())
    words = {whole, *whole.split()} - {""}
    choices = [re.escape(word) for word in sorted(words, key=len, reverse=True) if sum(map(str.isalpha, word)) > 2]
    if not choices:
        return None
    return re.compile(rf"(?<![\w\u0900-\u097f])(?:{'|'.join(choices)})(?![\w\u0900-\u097f])")


_BY_DIGITS = frozenset({"card", "aadhaar", "vid", "account", "phone", "own-number", "code"})
_AS_WRITTEN = frozenset({"email", "upi", "password", "name"})


def _canonical(skeleton: Skeleton, found: Found) -> str:
    """What two spellings of a value share: its letters and digits; of a phone number the last ten digits."""
    text = (skeleton.numeric if found.kind in _BY_DIGITS else skeleton.plain)[found.start : found.end]
    if found.kind in _AS_WRITTEN:
        return text
    compact = "".join(each for each in text if each.isalnum())
    return compact[-10:] if found.kind in ("phone", "own-number") and compact.isdecimal() else compact


def _parts(start: int, end: int, starts: Sequence[int], texts: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Each message that the span touches, and the part of the span in it."""
    for index in range(bisect_right(starts, start) - 1, bisect_left(starts, end)):
        part_start, part_end = max(start, starts[index]), min(end, starts[index] + len(texts[index]))
        if part_start < part_end:
            yield index, part_start, part_end
