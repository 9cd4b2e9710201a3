"""The main job on processes as deployed: everything that is handed over comes out once."""

from __future__ import annotations

from pathlib import Path

from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment
from tests.acceptance.mail import CATEGORIES, mails


def test_what_is_handed_over_is_accepted_once_each(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    with deployment(tmp_path, redis_server, database_url) as harkara:
        harkara.start_worker()
        handed_over = mails(500, CATEGORIES)
        with harkara.client() as client:
            client.send_many(handed_over)
        assert harkara.wait_settled(500) == {"accepted": 500}
        harkara.examine(handed_over).assert_kept()
        assert harkara.sandbox.counts()["accepted"] == 500
