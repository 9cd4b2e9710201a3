"""The sandbox's webhooks decide the final states, whatever process is killed meanwhile."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from harkara import Envelope
from harkara.inbound.normalization import digest
from harkara.intake.stream import WEBHOOKS
from harkara.ledger.tables import event, message
from harkara.redis_client import connect
from harkara.states import State
from harness.postgres import PostgresServer
from harness.process import Process
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.http_client import API_TOKENS, send
from tests.acceptance.messages import CATEGORIES, new_messages
from tests.acceptance.promises import Result
from tests.acceptance.test_database_outages import killed

UNRECORDED = 40
"""Messages whose worker is killed after it read Chat Mitra's response and before it recorded it."""

STEPS = 3
"""Events of each message: sent, delivered, read."""

READ = Result(1, "read")


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_every_message_is_read_by_its_own_webhooks_and_by_no_others(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Webhooks come twice and in any order, and staff sends the same texts to the same customers in the dashboard."""
    envelopes = new_messages(60, CATEGORIES)
    replies = [envelope for envelope in envelopes if envelope.category == "reply"]
    disorder = {"SANDBOX_WEBHOOK_DUPLICATE_SHARE": "0.3", "SANDBOX_WEBHOOK_REORDER_SHARE": "0.3"}
    with two_way(tmp_path, redis_server, database_url, envelopes, **disorder) as harkara:
        harkara.start_workers(2)
        harkara.start_beat()
        for reply in replies:
            harkara.sandbox.write_as_staff(reply.to, "One moment, please.")
        harkara.accept(envelopes[::2])
        sent = envelopes[::2] + [send(harkara.web, envelope) for envelope in envelopes[1::2]]
        harkara.wait_until(
            lambda: whatsapp_ids(harkara).keys() >= {reply.to for reply in replies},
            "events assign ids",
        )
        for reply in replies:
            harkara.sandbox.write_as_staff(reply.to, reply.body()["message"])
        wait_read(harkara, 60)
        harkara.wait_until(lambda: harkara.sandbox.has_sent_all_events, "the sandbox has sent all events")
        counts = harkara.sandbox.webhook_counts()
        assert (counts["answered"], counts["by_answer"]) == (counts["total"], {"200": counts["total"]})
        assert counts["duplicates"] > 0
        verdict = harkara.examine(sent)
        verdict.assert_kept()
        assert set(verdict.results.values()) == {READ}
        requests = harkara.sandbox.requests()
        assert whatsapp_ids(harkara) == {one["recipient"]: digest(one["messages"][0]["message_id"]) for one in requests}
        harkara.wait_until(lambda: applied_events(harkara).total() == 60 * STEPS, "every event is applied")
        assert set(applied_events(harkara).values()) == {STEPS}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_uncertain_messages_of_a_killed_worker_are_settled_by_webhooks_within_a_minute(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """The events come after the lease has expired: the sandbox, which is suspended meanwhile, sends them then."""
    envelopes = new_messages(UNRECORDED, ("reply", "utility", "marketing"))
    with two_way(tmp_path, redis_server, database_url, envelopes, SANDBOX_SENT_AFTER_MS="12000") as harkara:
        kill_before_the_record(harkara, envelopes)
        sandbox = harkara.processes[0]
        sandbox.suspend()
        harkara.start_worker()
        harkara.wait_until(lambda: uncertain(harkara) == UNRECORDED, "all of them are uncertain")
        sandbox.resume()
        began = time.monotonic()
        harkara.wait_until(lambda: uncertain(harkara) <= UNRECORDED * 0.05, "webhooks settle them", 60)
        print(f"{UNRECORDED - uncertain(harkara)} of {UNRECORDED} settled in {time.monotonic() - began:.1f} s")
        harkara.wait_until(lambda: harkara.sandbox.has_sent_all_events, "the sandbox has sent all events")
        verdict = harkara.wait_verdict(envelopes)
        verdict.assert_kept(uncertain=int(UNRECORDED * 0.05))
        assert set(verdict.states) <= {State.READ, State.DELIVERED, State.SENT, State.UNCERTAIN}
        assert harkara.sandbox.counts()["accepted"] == UNRECORDED, "nothing was sent twice"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_messages_of_a_killed_worker_are_never_uncertain_when_webhooks_come_before_the_sweep(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    envelopes = new_messages(8, CATEGORIES)
    with two_way(tmp_path, redis_server, database_url, envelopes) as harkara:
        kill_before_the_record(harkara, envelopes, HARKARA_READ_TIMEOUT="20")  # makes its lease longer
        worker = harkara.start_worker()
        wait_read(harkara, 8)
        verdict = harkara.examine(envelopes)
        verdict.assert_kept()
        assert set(verdict.results.values()) == {READ}, "no code was sent twice"
        assert State.UNCERTAIN not in {step["event"] for each in envelopes for step in harkara.status(each)["trace"]}
        assert "Traceback" not in worker.output()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_uncertain_message_is_sent_again_only_without_a_webhook(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Chat Mitra lost the first, accepted the second without a response, and the third with half a response."""
    lost, unanswered, half, other = envelopes = new_messages(4)
    with two_way(tmp_path, redis_server, database_url, envelopes) as harkara:
        harkara.shorten_evidence()
        harkara.start_worker()
        send_into(harkara, lost, "never_answer_unprocessed_share")
        send_into(harkara, unanswered, "never_answer_share")
        send_into(harkara, half, "half_answer_share")
        harkara.accept([other])
        wait_read(harkara, 4)
        verdict = harkara.wait_verdict(envelopes)
        verdict.assert_kept()
        resent = verdict.results.pop(lost.id)
        assert resent == Result(1, "read", maybe_duplicate=True)
        assert set(verdict.results.values()) == {READ}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_every_webhook_that_was_answered_is_applied_whatever_is_killed(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str, postgres_server: PostgresServer
) -> None:
    """The HTTP API is killed twice, and the database for some seconds, in which Redis stores the webhooks."""
    envelopes = new_messages(120, ("reply", "utility", "marketing"))
    settings = {"SANDBOX_WEBHOOK_RETRY_MS": "8000", "HARKARA_DATABASE_PATIENCE": "1", "HARKARA_THREADS": "8"}
    with two_way(tmp_path, redis_server, database_url, envelopes, **settings) as harkara:
        _, web = harkara.processes
        redis = connect(redis_server.url, seconds=30)
        harkara.sandbox.set_faults(latency_ms=200)
        harkara.start_worker()
        harkara.accept(envelopes)
        harkara.wait_accepted(30)
        web = kill_and_start(harkara, web, envelopes[0].to)
        harkara.wait_accepted(60)
        with killed(postgres_server):
            for envelope in envelopes[1:20]:
                harkara.sandbox.write_as_customer(envelope.to, text="Thank you.")
            harkara.wait_until(lambda: redis.xlen(WEBHOOKS) >= 19, "Redis has webhooks")
            kill_and_start(harkara, web, envelopes[20].to)
        wait_read(harkara, 120)
        harkara.wait_until(lambda: harkara.sandbox.has_sent_all_events, "the sandbox has sent all events")
        counts = harkara.sandbox.webhook_counts()
        assert counts["answered"] == counts["total"] == 120 * STEPS + 21
        assert counts["by_answer"].keys() > {"200"}, "some needed another try"
        harkara.wait_until(lambda: applied_events(harkara).total() == 120 * STEPS + 21, "every event is applied")
        harkara.examine(envelopes).assert_kept()


@contextmanager
def two_way(
    folder: Path, redis: ValkeyServer, database_url: str, envelopes: Sequence[Envelope], **settings: str
) -> Iterator[Deployment]:
    """Run a deployment with webhooks and open windows, whose messages are read within a second."""
    delays = {"SANDBOX_SENT_AFTER_MS": "200", "SANDBOX_DELIVERED_AFTER_MS": "200", "SANDBOX_READ_AFTER_MS": "200"}
    webhooks = {"CHATMITRA_WEBHOOK_SECRET": "secret-of-the-webhooks", **API_TOKENS}
    with deployment(folder, redis, database_url, **{**webhooks, **delays, **settings}) as harkara:
        harkara.start_web()
        harkara.open_windows(envelope.to for envelope in envelopes)
        yield harkara


def kill_before_the_record(harkara: Deployment, envelopes: Sequence[Envelope], **settings: str) -> None:
    """Kill a worker at K4: it has read Chat Mitra's response to each message, and recorded none."""
    harkara.accept(envelopes)
    worker = harkara.start_worker(ready=False, clock=0, HARKARA_KILL_AT=f"K4*{len(envelopes)}", **settings)
    worker.wait_killed()
    assert harkara.sandbox.counts()["accepted"] == len(envelopes)


def kill_and_start(harkara: Deployment, web: Process, customer: str) -> Process:
    """Kill the HTTP API, and start it again when a webhook of the customer has failed."""
    web.kill()
    webhook = harkara.sandbox.write_as_customer(customer, text="Thank you.")
    harkara.wait_until(lambda: harkara.sandbox.webhook_tries(customer, webhook), "a webhook has failed")
    return harkara.start_web()


def send_into(harkara: Deployment, envelope: Envelope, fault: str) -> None:
    """Send the message while this fault, and no other, is on."""
    harkara.sandbox.set_faults(**{fault: 1})
    harkara.accept([envelope])
    harkara.wait_until(lambda: harkara.sandbox.requests(envelope.to), "the sandbox has received it")
    harkara.sandbox.set_faults(**{fault: 0})


def wait_read(harkara: Deployment, number: int) -> None:
    harkara.wait_until(lambda: harkara.states() == {State.READ: number}, f"all {number} are read")


def uncertain(harkara: Deployment) -> int:
    return harkara.states()[State.UNCERTAIN]


def whatsapp_ids(harkara: Deployment) -> dict[str, str]:
    """Return the WhatsApp ids in the ledger by recipient."""
    with harkara.ledger.read() as tx:
        found = tx.rows(select(message.c.recipient, message.c.whatsapp_id).where(message.c.whatsapp_id.is_not(None)))
    return {row["recipient"]: row["whatsapp_id"] for row in found}


def applied_events(harkara: Deployment) -> Counter[str | None]:
    """Count the applied events of each message; customers' messages have no message id."""
    with harkara.ledger.read() as tx:
        return Counter(
            row["message_id"] for row in tx.rows(select(event.c.message_id).where(event.c.state == "folded"))
        )
