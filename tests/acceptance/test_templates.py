"""A template by its kind, on processes as deployed."""

from __future__ import annotations

from pathlib import Path

from harkara.published.store import KEY
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment


def test_a_producer_with_redis_alone_sends_a_kind_by_its_approved_name(
    tmp_path: Path, redis_server: ValkeyServer
) -> None:
    own = tmp_path / "templates.local.toml"
    own.write_text('[kind.otp_verification]\nname = "otp_20250101120000"')
    ledger = f"sqlite:///{tmp_path / 'harkara.db'}"
    with deployment(tmp_path, redis_server, ledger, HARKARA_TEMPLATES_FILE=str(own)) as harkara:
        harkara.start_worker()
        with connect(redis_server.url, seconds=2) as redis:
            harkara.wait(lambda: redis.exists(KEY), "a worker lays down the catalogue")
        with harkara.client() as client:
            wanted = client.envelope_from_template(
                "otp_verification", to="919876500001", code="482913", minutes="5", purpose="the login"
            )
            client.send_many([wanted])
        harkara.wait_settled(1)
        harkara.examine([wanted]).assert_kept()
    assert wanted.template == "otp_20250101120000"
