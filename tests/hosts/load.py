"""Two applications that send at an even pace and repeat each call until it is answered: by HTTP, and through Redis."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException

from harkara import Envelope
from tests.acceptance import http_client
from tests.acceptance.chaos import send_until_accepted
from tests.acceptance.messages import CATEGORIES, new_messages
from tests.hosts.fleet import Fleet

CALLERS = 8
"""Requests to the HTTP API at once."""

BATCH = 5
"""Messages of one hand-over through Redis."""

CALL_SECONDS = 4.0
PATIENCE = 180.0


class Load:
    """Sends `messages` within `seconds`, half of them by each application."""

    def __init__(self, fleet: Fleet, messages: int, seconds: float, replicas: int) -> None:
        self._fleet = fleet
        self._seconds = seconds
        self._replicas = replicas
        self._by_http = new_messages(messages // 2, CATEGORIES)
        self._by_redis = new_messages(messages // 2, CATEGORIES)
        self._pool = ThreadPoolExecutor(CALLERS + 2)
        self._answers: list[Future[Envelope]] = []
        self._applications = [self._pool.submit(self._send_by_http), self._pool.submit(self._send_through_redis)]

    def finish(self) -> list[Envelope]:
        """Wait until all are accepted; return them with the ids that they have in the ledger. Raises TimeoutError."""
        for application in self._applications:
            application.result(PATIENCE)
        answered = [answer.result(PATIENCE) for answer in self._answers]
        self._pool.shutdown()
        return answered + list(self._by_redis)

    def _send_by_http(self) -> None:
        for envelope, due in self._paced(self._by_http, 1):
            _sleep_until(due)
            self._answers.append(self._pool.submit(post_until_answered, self._fleet.web, envelope[0]))

    def _send_through_redis(self) -> None:
        with self._fleet.client(seconds=2, replicas=self._replicas) as client:
            for batch, due in self._paced(self._by_redis, BATCH):
                _sleep_until(due)
                send_until_accepted(client, batch)

    def _paced(self, envelopes: Sequence[Envelope], size: int) -> list[tuple[Sequence[Envelope], float]]:
        """Return groups of `size` with the moments at which they are due."""
        began, groups = time.monotonic(), range(0, len(envelopes), size)
        return [(envelopes[at : at + size], began + self._seconds * at / len(envelopes)) for at in groups]


def post_until_answered(web: str, envelope: Envelope) -> Envelope:
    """POST under one key until an answer comes; return the message with the id of that answer."""
    while True:
        try:
            return http_client.send(web, envelope, key=envelope.id, seconds=CALL_SECONDS)
        except (OSError, HTTPException):
            time.sleep(0.5)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
