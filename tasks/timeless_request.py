"""The request of every task that Harkara publishes itself: it does not expire."""

from __future__ import annotations

from celery.worker.request import Request


class TimelessRequest(Request):
    """A request that does not expire, whatever its publisher asked for.

    Celery compares the publisher's clock with the worker's: a worker whose clock is ahead would drop hints, and codes
    would be late. A hint needs no expiry, and only an older release publishes one.
    """

    def maybe_expire(self) -> None:
        return None
