"""One stand-in for the session, as new for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.sandbox.running import Sandbox, sandbox_process


@pytest.fixture(scope="session")
def _one_sandbox() -> Iterator[Sandbox]:
    with sandbox_process(SANDBOX_LIMIT="none") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_one_sandbox: Sandbox) -> Sandbox:
    """Without a rate limit and without a fault."""
    _one_sandbox.reset()
    return _one_sandbox
