"""The main path on processes as deployed: each message is sent once."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment
from tests.acceptance.messages import CATEGORIES, new_messages


def test_every_message_is_accepted_once(tmp_path: Path, redis_server: ValkeyServer, database_url: str) -> None:
    with deployment(tmp_path, redis_server, database_url) as harkara:
        harkara.start_worker()
        envelopes = new_messages(200, CATEGORIES)
        with harkara.client() as client:
            client.send_many(envelopes)
        assert harkara.wait_settled(200) == {"accepted": 200}
        harkara.examine(envelopes).assert_kept()
        assert harkara.sandbox.counts()["accepted"] == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_takes_the_next_hint_as_soon_as_a_thread_is_free(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Two threads that wait for a timer of a second after each hint would need 200 s, longer than the test waits."""
    envelopes = new_messages(400, ("reply",))
    with deployment(tmp_path, redis_server, database_url, HARKARA_CHUNKS="2", HARKARA_CHUNK_SIZE="1") as harkara:
        harkara.accept(envelopes)
        harkara.start_worker()
        harkara.wait_settled(400)
        harkara.examine(envelopes).assert_kept()
