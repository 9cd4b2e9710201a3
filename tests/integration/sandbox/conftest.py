"""One sandbox process for the session, reset before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.sandbox.process import Sandbox, sandbox_process
from tests.integration.sandbox.receiver import SECRET, Receiver, webhook_receiver


@pytest.fixture(scope="session")
def _sandbox_process() -> Iterator[Sandbox]:
    with sandbox_process(SANDBOX_LIMIT="none") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox_process: Sandbox) -> Sandbox:
    """Without a rate limit and without a fault."""
    _sandbox_process.reset()
    return _sandbox_process


@pytest.fixture
def receiver(sandbox: Sandbox) -> Iterator[Receiver]:
    """Gets every event within milliseconds."""
    with webhook_receiver() as receiver:
        sandbox.set(
            webhook_url=receiver.url,
            webhook_secret=SECRET,
            sent_after_ms=10,
            delivered_after_ms=40,
            read_after_ms=40,
            webhook_retry_ms=50,
        )
        yield receiver
        sandbox.reset()
