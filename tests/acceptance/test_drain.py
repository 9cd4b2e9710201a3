"""The main job on processes as deployed: everything that is handed over comes out once."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.deployment import deployment, texts
from tests.services import Server


def test_what_is_handed_over_is_accepted_once_each(tmp_path: Path, redis_server: Server, database_url: str) -> None:
    with deployment(tmp_path, redis_server, database_url) as harkara:
        harkara.start_worker()
        with harkara.client() as client:
            client.send_many(texts(500))
        assert harkara.wait_settled(500) == {"accepted": 500}
        assert harkara.audit().clean
        assert harkara.sandbox_counts()["accepted"] == 500
        assert harkara.twice_in_silence() == []
