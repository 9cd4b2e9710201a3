"""One stand-in for the session, as new for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.sandbox.process import Sandbox, sandbox_process
from tests.integration.sandbox.receiver import SECRET, Listener, listening


@pytest.fixture(scope="session")
def _one_sandbox() -> Iterator[Sandbox]:
    with sandbox_process(SANDBOX_LIMIT="none") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_one_sandbox: Sandbox) -> Sandbox:
    """Without a rate limit and without a fault."""
    _one_sandbox.reset()
    return _one_sandbox


@pytest.fixture
def listener(sandbox: Sandbox) -> Iterator[Listener]:
    """Told of everything within a moment."""
    with listening() as listener:
        sandbox.set(
            webhook_url=listener.url,
            webhook_secret=SECRET,
            sent_after_ms=10,
            delivered_after_ms=40,
            read_after_ms=40,
            webhook_retry_ms=50,
        )
        yield listener
        sandbox.reset()
