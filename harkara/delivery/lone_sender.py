"""Sends a lone message in the process that accepted it, without a hint through Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Protocol

import structlog

from harkara.delivery.hints import URGENT
from harkara.errors import Unavailable

log = structlog.get_logger(__name__)


class Send(Protocol):
    """Sends a chunk of ids, as `Sender.send` does. Raises Unavailable."""

    def __call__(self, ids: Sequence[str], *, urgent: bool) -> None: ...


class LoneSender:
    """Sends one message at a time, in a thread of its own.

    Redis and Celery take some milliseconds to bring a hint back to a process that could send the message itself. While
    a message is being sent, or `is_idle` says that the sender threads have other work, messages are hinted by `hint`,
    and any process may send them. A message that was not sent is still `queued`, as with a lost hint.
    """

    def __init__(
        self, send: Send, hint: Callable[[Sequence[tuple[str, int]]], None], is_idle: Callable[[], bool]
    ) -> None:
        self._send = send
        self._hint = hint
        self._is_idle = is_idle
        self._sending = Lock()
        self._given: SimpleQueue[tuple[str, int] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="lone-sender", daemon=True)
        self._thread.start()

    def hint(self, released: Sequence[tuple[str, int]]) -> None:
        """Send the (id, priority) if it is the only one, and otherwise hint them; return at once."""
        if len(released) == 1 and self._is_idle() and self._sending.acquire(blocking=False):
            self._given.put(released[0])
        else:
            self._hint(released)

    def close(self) -> None:
        """Wait until the message that is being sent has its outcome, and hint all later ones."""
        self._sending.acquire()
        self._given.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (given := self._given.get()) is not None:
            identity, priority = given
            try:
                self._send([identity], urgent=priority <= URGENT)
            except Unavailable as error:
                log.warning("message not sent", action="send_failed", id=identity, error=str(error))
            except Exception as error:  # the next message must be sent all the same
                log.error("message not sent", action="send_failed", id=identity, error=type(error).__name__)
            finally:
                self._sending.release()
