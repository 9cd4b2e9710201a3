"""A client sends templates of the catalogue that it is given, or that the workers publish to Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harkara import Catalogue, Client, Envelope, Handle, Invalid, NotFound, Template, Unavailable
from harkara.intake.stream import Intake
from harkara.ledger.database import Database
from harkara.published.store import KEY, PublishedStore
from harkara.redis_client import connect
from harness.ledger import migrated
from harness.valkey import ValkeyServer
from tests.integration.client.worker import ASHA
from tests.integration.ledger.steps import row

FILE = Path(__file__).parents[3] / "config" / "templates.toml"
CODE: dict[str, Any] = {"code": "482913", "minutes": "5", "purpose": "the login"}


@pytest.fixture
def published(redis_server: ValkeyServer) -> Iterator[PublishedStore]:
    """The workers' end, with the catalogue published."""
    store = PublishedStore(connect(redis_server.url, seconds=30))
    store.publish(Catalogue.load(FILE))
    yield store
    store.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return migrated(f"sqlite:///{tmp_path / 'harkara.db'}")


def test_a_client_with_redis_alone_uses_the_published_catalogue(
    redis_server: ValkeyServer, published: PublishedStore
) -> None:
    begin = datetime.now(UTC)
    with Client(redis_server.url, producer="shop") as client:
        handle = client.send_template("otp_verification", to=ASHA, reference="login 7", priority=1, **CODE)
        assert "otp_verification" in client.catalogue().kinds()
    with connect(redis_server.url, seconds=30) as redis:
        (entry,) = Intake(redis, "w").read()
    envelope = Envelope.from_json(entry.data)
    (template,) = envelope.messages
    assert (envelope.id, envelope.reference, envelope.producer) == (handle.id, "login 7", "shop")
    assert (envelope.category, envelope.priority, envelope.template) == ("authentication", 1, "otp_verification")
    assert isinstance(template, Template)
    assert template.body == ("482913", "5", "the login")
    assert envelope.expires is not None
    assert envelope.expires - begin < timedelta(seconds=310)


def test_the_published_catalogue_has_no_secret_and_is_read_once_a_minute(
    redis_server: ValkeyServer, published: PublishedStore
) -> None:
    with connect(redis_server.url, seconds=30) as redis, Client(redis_server.url) as client:
        stored = str(redis.get(KEY))
        assert json.loads(stored).keys() == {"kind", "parameter"}
        client.send_template("otp_verification", to=ASHA, **CODE)
        redis.delete(KEY)
        assert client.send_template("otp_verification", to=ASHA, **CODE).new


def test_the_error_for_a_missing_catalogue_names_the_next_step(redis_server: ValkeyServer) -> None:
    with Client(redis_server.url) as client:
        with pytest.raises(NotFound, match=r"start one, or pass catalogue="):
            client.send_template("otp_verification", to=ASHA, **CODE)
        PublishedStore(connect(redis_server.url, seconds=30)).publish(Catalogue.load(FILE))
        assert client.send_template("otp_verification", to=ASHA, **CODE).new


def test_a_frozen_redis_raises_unavailable_for_the_catalogue(
    redis_server: ValkeyServer, published: PublishedStore
) -> None:
    with Client(redis_server.url) as client, redis_server.suspended(), pytest.raises(Unavailable):
        client.send_template("otp_verification", to=ASHA, **CODE)


def test_the_row_has_the_approved_name_category_and_deadline(sqlite_url: str, tmp_path: Path) -> None:
    local = tmp_path / "local.toml"
    local.write_text('[kind.appointment_reminder_2h]\nname = "visit_20250101120000"\nlanguage = "hi"')
    at = datetime.now(UTC) + timedelta(days=1)
    parameters: dict[str, Any] = {name: name for name in ("doctor", "date", "time", "place", "duration", "helpline")}
    with Client(database_url=sqlite_url, catalogue=Catalogue.load(FILE, local)) as client:
        handle = client.send_template("appointment_reminder_2h", to=ASHA, at=at, **parameters)
        again = client.send_template("appointment_reminder_2h", to=ASHA, at=at, reference="r", **parameters)
        assert client.send_template("appointment_reminder_2h", to=ASHA, at=at, reference="r", **parameters) == Handle(
            again.id, "r", new=False
        )
    database = Database(sqlite_url)
    kept = row(database, handle.id)
    database.close()
    assert (kept["template"], kept["category"]) == ("visit_20250101120000", "utility")
    assert kept["expires_at"] - kept["due_at"] == timedelta(hours=1)
    assert json.loads(kept["body"])["messages"][0]["template"]["language"] == "hi"


def test_send_many_sends_templates(sqlite_url: str) -> None:
    with Client(database_url=sqlite_url, catalogue=FILE) as client:
        envelopes = [client.envelope_from_template("otp_verification", to=ASHA, **CODE) for _ in range(3)]
        assert [type(answer) for answer in client.send_many(envelopes)] == [Handle] * 3


def test_a_client_without_redis_needs_a_catalogue(sqlite_url: str) -> None:
    with Client(database_url=sqlite_url) as client, pytest.raises(Invalid, match=r"catalogue=Path"):
        client.send_template("otp_verification", to=ASHA, **CODE)


def test_marketing_needs_opted_in(sqlite_url: str) -> None:
    parameters: dict[str, Any] = {"customer": "Asha", "collection": "lamps", "new_items": "12", "offer": "20 % off"}
    picture = "https://example.com/a.jpg"
    with Client(database_url=sqlite_url, catalogue=str(FILE)) as client:
        with pytest.raises(Invalid, match="agreed to it"):
            client.send_template("promotional_broadcast", to=ASHA, image=picture, **parameters)
        assert client.send_template("promotional_broadcast", to=ASHA, image=picture, opted_in=True, **parameters).new
