"""The trace context of a hand-over stays with the message, by every way in, and goes back with its callbacks."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest
import redis
from alembic.script import ScriptDirectory
from fastapi.testclient import TestClient
from sqlalchemy import text

from harkara import Client
from harkara.callbacks.delivery import CallbackDelivery
from harkara.callbacks.endpoint import Endpoint
from harkara.gateway import create_app
from harkara.intake.consumer import IntakeConsumer
from harkara.intake.producer import STREAM
from harkara.intake.stream import Intake
from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.send_again import send_again
from harkara.messages import Envelope
from harkara.outcomes import Refused
from harkara.shared_defaults import DEADLINES
from harness.process import ROOT
from harness.valkey import ValkeyServer
from tests.integration.callbacks.application import SECRET, Application, listening
from tests.integration.gateway.fixtures import HELLO, SEND, SHOP, dependencies_of
from tests.integration.ledger.occasions import PLAN
from tests.integration.ledger.steps import accept_messages, claim_messages, reply, row, send_message

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize("many", [1, 30, 60], ids=["one", "few", "in bulk"])
def test_the_ledger_keeps_each_context_with_its_message(db: Database, many: int) -> None:
    contexts = [f"00-{TRACE}-{n + 1:016x}-01" if n % 3 else None for n in range(many)]
    envelopes = [reply(n).with_traceparent(context) for n, context in enumerate(contexts)]
    ids = accept_messages(db, *envelopes)
    assert [row(db, identity)["traceparent"] for identity in ids] == contexts
    claimed = {one.id: one.traceparent for one in claim_messages(db, *ids)}
    assert [claimed[identity] for identity in ids] == contexts


def test_a_failed_message_that_is_sent_again_has_the_context_of_the_first(db: Database) -> None:
    refused = Refused("131026", "Undeliverable", "The number has no WhatsApp.", 400)
    failed = send_message(db, reply().with_traceparent(CALLER), refused)
    with db.write() as tx:
        (again,) = send_again(tx, [failed], "Asha", DEADLINES)
    assert row(db, again)["traceparent"] == CALLER


def test_an_application_hands_its_context_over_through_redis(
    db: Database, redis_client: redis.Redis, valkey_server: ValkeyServer
) -> None:
    """Beside the message, not within it: a worker of the release before refuses fields that it does not know."""
    with Client(valkey_server.url) as client:
        traced = client.envelope("Hello", to="+919876500001", traceparent=CALLER)
        other = client.envelope("Hello", to="+919876500002")
        client.send_many([traced, other])
    entries: list[dict[str, str]] = [fields for _, fields in cast(Any, redis_client.xrange(STREAM))]
    assert [fields.get("traceparent") for fields in entries] == [CALLER, None]
    assert not any("traceparent" in fields["data"] for fields in entries)
    assert Envelope.from_json(traced.to_json()) == traced.model_copy(update={"traceparent": None})
    consumer = IntakeConsumer(
        Intake(redis_client, "reader"), db, lambda hints: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10
    )
    assert consumer.drain() == 2
    assert [row(db, each.id)["traceparent"] for each in (traced, other)] == [CALLER, None]


@pytest.mark.parametrize(("header", "kept"), [(CALLER, CALLER), ("919876543210", None)])
def test_a_request_with_a_context_is_accepted_whatever_it_is(db: Database, header: str, kept: str | None) -> None:
    with TestClient(create_app(dependencies_of(db)), headers=SHOP) as client:
        answer = client.post(SEND, json=HELLO, headers={"traceparent": header})
        assert answer.status_code == 202
        assert "traceresponse" not in answer.headers  # this deployment records no span
        assert row(db, answer.json()["jobId"])["traceparent"] == kept


def test_callbacks_about_a_message_have_its_context(db: Database) -> None:
    database = Database(db.url.render_as_string(hide_password=False), callbacks_enabled=True)
    ids = [send_message(database, reply(n).with_traceparent(context)) for n, context in enumerate([CALLER, None])]
    with listening(Application()) as application:
        delivery = CallbackDelivery(
            database, Endpoint(application.url, SECRET, private=True), on_results=Counter[str]().update
        )
        assert delivery.round() == Counter(delivered=2)
    pairs = zip(application.payloads, application.headers, strict=True)
    found = {payload["data"]["id"]: headers.get("traceparent") for payload, headers in pairs}
    assert found == dict(zip(ids, [CALLER, None], strict=True))
    assert application.refused == 0
    database.close()


def test_messages_survive_the_migration_of_the_trace_context(database_url: str) -> None:
    db = Database(database_url)
    migrate.upgrade(db)
    (identity,) = accept_messages(db, reply().with_traceparent(CALLER))
    before = ScriptDirectory(str(ROOT / "harkara/ledger/migrations")).get_revision("0033").down_revision
    migrate.downgrade(db, str(before))
    with db.read() as tx:
        found = tx.execute(text("SELECT * FROM message")).mappings().one()
    assert found["id"] == identity
    assert "traceparent" not in found
    migrate.upgrade(db)
    assert row(db, identity)["traceparent"] is None
    assert audit(db).clean
    db.close()
