"""Templates by their kind, on processes as deployed."""

from __future__ import annotations

from pathlib import Path

from harkara.published.store import KEY
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment


def test_a_client_with_redis_alone_sends_a_kind_under_its_approved_name(
    tmp_path: Path, redis_server: ValkeyServer
) -> None:
    names = tmp_path / "templates.local.toml"
    names.write_text('[kind.otp_verification]\nname = "otp_20250101120000"')
    ledger = f"sqlite:///{tmp_path / 'harkara.db'}"
    with deployment(tmp_path, redis_server, ledger, HARKARA_TEMPLATES_FILE=str(names)) as harkara:
        harkara.start_worker()
        with connect(redis_server.url, seconds=30) as redis:
            harkara.wait_until(lambda: redis.exists(KEY), "a worker publishes the catalogue")
        with harkara.client() as client:
            envelope = client.envelope_from_template(
                "otp_verification", to="919876500001", code="482913", minutes="5", purpose="the login"
            )
            client.send_many([envelope])
        harkara.wait_settled(1)
        harkara.examine([envelope]).assert_kept()
    assert envelope.template == "otp_20250101120000"
