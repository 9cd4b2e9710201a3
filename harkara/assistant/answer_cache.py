"""Remembers which entry answers a question that was asked before, in memory."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from harkara.inbound.word_lists import normalize

MAX_QUESTIONS: Final = 10_000
_MAX_CHARACTERS = 200
"""A longer question is hardly asked twice in the same words."""


class AnswerCache:
    """Entries by the question as it was asked, without case and punctuation, and the version of the FAQ.

    Several threads may use it. The question that was not asked for longest is forgotten first.
    """

    def __init__(self, limit: int = MAX_QUESTIONS) -> None:
        self._limit = limit
        self._entries: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lock = Lock()

    def get(self, question: str, version: str) -> str | None:
        """Return the id of the entry, or None for a question that was not asked since the FAQ changed."""
        key = (normalize(question), version)
        with self._lock:
            if (entry := self._entries.get(key)) is not None:
                self._entries.move_to_end(key)
            return entry

    def put(self, question: str, version: str, entry: str) -> None:
        """Remember the entry that answers the question."""
        key = (normalize(question), version)
        if len(key[0]) > _MAX_CHARACTERS:
            return
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > self._limit:
                self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)
