"""Hands over in one transaction what many callers bring at the same time, and answers each when it is durable."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from harkara.doors import Door
from harkara.errors import Unavailable
from harkara.ledger.accept import DIRECT
from harkara.messages import Envelope
from harkara.receipt import Receipt


@dataclass
class _Bringing:
    envelope: Envelope
    answer: Receipt | Exception | None = None


class Together:
    """Every commit waits for the disk, so that one for each request would bound them all to the disk's pace.

    Nobody waits for company: who finds the door free goes at once, and takes along all who came while it was not.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._waiting: deque[_Bringing] = deque()
        self._turn = Lock()

    def hand_over(self, envelope: Envelope) -> Receipt:
        """Raises Invalid, Conflict and Unavailable, as the door answers them."""
        mine = _Bringing(envelope)
        self._waiting.append(mine)
        while mine.answer is None:
            with self._turn:
                if mine.answer is None:
                    self._go()
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer

    def _go(self) -> None:
        group = [self._waiting.popleft() for _ in range(min(DIRECT, len(self._waiting)))]
        for each, answer in zip(group, self._answers([each.envelope for each in group]), strict=True):
            each.answer = answer

    def _answers(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt | Exception]:
        try:
            return self._door.hand_over(envelopes)
        except Exception as error:
            if len(envelopes) == 1 or isinstance(error, Unavailable):
                return [error] * len(envelopes)
            # One that the ledger cannot take must not cost the others their answer.
            return [self._answers([each])[0] for each in envelopes]
