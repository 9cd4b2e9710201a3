"""A receiver of the sandbox's webhooks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.sandbox.process import Sandbox
from tests.integration.sandbox.receiver import SECRET, Receiver, webhook_receiver


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
