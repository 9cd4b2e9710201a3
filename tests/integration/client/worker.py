"""A worker that reads the intake in a thread, and waits with a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from harkara import Client, Handle, Unavailable
from harkara.intake.consumer import IntakeConsumer
from harkara.intake.stream import Intake
from harkara.ledger.database import Database
from harkara.redis_client import connect
from harkara.shared_defaults import DEADLINES
from harness.valkey import ValkeyServer
from tests.integration.ledger.occasions import PLAN

ASHA = "+91 98765 00001"


@contextmanager
def running_worker(valkey_server: ValkeyServer, db: Database) -> Iterator[IntakeConsumer]:
    """Run an intake consumer until the block ends."""
    stop = threading.Event()
    with connect(valkey_server.url, seconds=30) as redis:
        consumer = IntakeConsumer(
            Intake(redis, "w"), db, lambda hints: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10
        )

        def run() -> None:
            while not stop.wait(0.01):
                consumer.drain()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield consumer
        finally:
            stop.set()
            thread.join()


def wait_for_state(client: Client, handle: Handle, state: str) -> None:
    """Wait until the message has this state."""
    end = time.monotonic() + 60
    while client.status(handle)["state"] != state:
        assert time.monotonic() < end, client.status(handle)
        time.sleep(0.02)


def assert_unavailable(seconds: float, call: Callable[[], object], match: str | None = None) -> None:
    """Assert that the call raises Unavailable within so many seconds.

    A machine that stalls makes one call late, but not each of five.
    """
    for _ in range(5):
        began = time.monotonic()
        with pytest.raises(Unavailable, match=match):
            call()
        if time.monotonic() - began < seconds:
            return
    raise AssertionError(f"five calls took longer than {seconds:g} s")


@contextmanager
def in_time() -> Iterator[None]:
    """Assert that the block, which cannot be repeated and has a limit of a few seconds, does not wait without one."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 30
