"""Templates by kind, from the workers' catalogue in Redis to the message in the intake or the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harkara import Catalogue, Client, Envelope, Handle, Invalid, NotFound, Template, Unavailable
from harkara.delivery.periodic import every
from harkara.intake.stream import Intake
from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.published.store import KEY, PublishedStore
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.integration.ledger.steps import row

FILE = Path(__file__).parents[2] / "config" / "templates.toml"
ASHA = "+91 98765 00001"
CODE: dict[str, Any] = {"code": "482913", "minutes": "5", "purpose": "the login"}


@pytest.fixture
def shelf(redis_server: ValkeyServer) -> Iterator[PublishedStore]:
    """The workers' end, with the catalogue laid down."""
    one = PublishedStore(connect(redis_server.url, seconds=2))
    one.publish(Catalogue.load(FILE))
    yield one
    one.close()


@pytest.fixture
def database_file(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'harkara.db'}"
    database = Database(url)
    migrate.upgrade(database)
    database.close()
    return url


def test_a_producer_with_redis_alone_sends_what_the_workers_have_laid_down(
    redis_server: ValkeyServer, shelf: PublishedStore
) -> None:
    begin = datetime.now(UTC)
    with Client(redis_server.url, producer="shop") as client:
        handle = client.send_template("otp_verification", to=ASHA, reference="login 7", priority=1, **CODE)
        assert "otp_verification" in client.catalogue().kinds()
    with connect(redis_server.url, seconds=2) as redis:
        (entry,) = Intake(redis, "w").read()
    envelope = Envelope.from_json(entry.data)
    (template,) = envelope.messages
    assert (envelope.id, envelope.reference, envelope.producer) == (handle.id, "login 7", "shop")
    assert (envelope.category, envelope.priority, envelope.template) == ("authentication", 1, "otp_verification")
    assert isinstance(template, Template)
    assert template.body == ("482913", "5", "the login")
    assert envelope.expires is not None
    assert envelope.expires - begin < timedelta(seconds=310)


def test_what_lies_in_redis_holds_no_secret_and_is_read_once_a_minute(
    redis_server: ValkeyServer, shelf: PublishedStore
) -> None:
    with connect(redis_server.url, seconds=2) as redis, Client(redis_server.url) as client:
        laid = str(redis.get(KEY))
        assert json.loads(laid).keys() == {"kind", "parameter"}
        client.send_template("otp_verification", to=ASHA, **CODE)
        redis.delete(KEY)
        assert client.send_template("otp_verification", to=ASHA, **CODE).new


def test_where_no_worker_has_laid_a_catalogue_the_next_step_is_named(redis_server: ValkeyServer) -> None:
    with Client(redis_server.url) as client:
        with pytest.raises(NotFound, match=r"start one, or pass catalogue="):
            client.send_template("otp_verification", to=ASHA, **CODE)
        PublishedStore(connect(redis_server.url, seconds=2)).publish(Catalogue.load(FILE))
        assert client.send_template("otp_verification", to=ASHA, **CODE).new


def test_a_redis_that_is_frozen_keeps_nobody_waiting_for_the_catalogue(
    redis_server: ValkeyServer, shelf: PublishedStore
) -> None:
    with Client(redis_server.url) as client, redis_server.suspended(), pytest.raises(Unavailable):
        client.send_template("otp_verification", to=ASHA, **CODE)


def test_with_the_database_the_row_has_the_approved_name_category_and_deadline(
    database_file: str, tmp_path: Path
) -> None:
    local = tmp_path / "local.toml"
    local.write_text('[kind.appointment_reminder_2h]\nname = "visit_20250101120000"\nlanguage = "hi"')
    at = datetime.now(UTC) + timedelta(days=1)
    parameters: dict[str, Any] = {name: name for name in ("doctor", "date", "time", "place", "duration", "helpline")}
    with Client(database_url=database_file, catalogue=Catalogue.load(FILE, local)) as client:
        handle = client.send_template("appointment_reminder_2h", to=ASHA, at=at, **parameters)
        again = client.send_template("appointment_reminder_2h", to=ASHA, at=at, reference="r", **parameters)
        assert client.send_template("appointment_reminder_2h", to=ASHA, at=at, reference="r", **parameters) == Handle(
            again.id, "r", new=False
        )
    database = Database(database_file)
    kept = row(database, handle.id)
    database.close()
    assert (kept["template"], kept["category"]) == ("visit_20250101120000", "utility")
    assert kept["expires_at"] - kept["due_at"] == timedelta(hours=1)
    assert json.loads(kept["body"])["messages"][0]["template"]["language"] == "hi"


def test_many_go_at_once(database_file: str) -> None:
    with Client(database_url=database_file, catalogue=FILE) as client:
        envelopes = [client.envelope_from_template("otp_verification", to=ASHA, **CODE) for _ in range(3)]
        assert [type(answer) for answer in client.send_many(envelopes)] == [Handle] * 3


def test_a_client_without_redis_asks_for_a_catalogue(database_file: str) -> None:
    with Client(database_url=database_file) as client, pytest.raises(Invalid, match=r"catalogue=Path"):
        client.send_template("otp_verification", to=ASHA, **CODE)


def test_marketing_wants_the_word_that_the_recipient_agreed(database_file: str) -> None:
    parameters: dict[str, Any] = {"customer": "Asha", "collection": "lamps", "new_items": "12", "offer": "20 % off"}
    picture = "https://example.com/a.jpg"
    with Client(database_url=database_file, catalogue=str(FILE)) as client:
        with pytest.raises(Invalid, match="agreed to it"):
            client.send_template("promotional_broadcast", to=ASHA, image=picture, **parameters)
        assert client.send_template("promotional_broadcast", to=ASHA, image=picture, opted_in=True, **parameters).new


def test_a_round_of_every_minute_is_made_at_once_and_again_only_after_it_succeeded() -> None:
    made: list[int] = []

    def lay() -> None:
        made.append(1)
        if len(made) == 1:
            raise Unavailable("Redis is away")

    seldom = every(60, lay)
    with pytest.raises(Unavailable):
        seldom()
    for _ in range(3):
        seldom()
    assert len(made) == 2
    assert getattr(seldom, "__name__", "") == "lay"
    at_once = every(0, lay)
    at_once()
    at_once()
    assert len(made) == 4
