"""The main path on processes as deployed: each message is sent once."""

from __future__ import annotations

from pathlib import Path

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
