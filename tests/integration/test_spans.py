"""The spans of a message: every step has one, linked to the caller's context, and none holds anything personal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from harkara.batching import Batcher
from harkara.callbacks.delivery import CallbackDelivery
from harkara.callbacks.endpoint import Endpoint
from harkara.delivery.dispatcher import Dispatcher
from harkara.delivery.hints import Hints
from harkara.delivery.leased_rounds import Rounds
from harkara.errors import Conflict, Invalid
from harkara.gateway import Dependencies, create_app
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.messages.trace_contexts import load_traced
from harkara.limits.limiter import Limiter
from harkara.messages import Envelope
from harkara.outcomes import Cancelled
from harkara.receipt import Receipt
from harness.ledger import open_ledger
from harness.process import Process
from harness.valkey import ValkeyServer
from tests.integration.callbacks.application import SECRET, Application, listening
from tests.integration.delivery.running import receive_message, running_sender
from tests.integration.gateway.fixtures import SEND, SHOP, dependencies_of
from tests.integration.ledger.campaigns import start_campaign
from tests.integration.ledger.occasions import reminder_rows, save, visit
from tests.integration.ledger.steps import (
    accept_messages,
    age_messages,
    claim_messages,
    otp,
    reply,
    row,
    run_sweep,
    update_message,
)
from tests.integration.ledger.webhooks import CONTEXT, status_webhook, store_webhooks
from tests.integration.sandbox.process import Sandbox
from tests.integration.spans import Collector, Memory, collecting, contexts_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"
UNSAMPLED = f"00-{TRACE}-00f067aa0ba902b7-00"
NUMBER, WORD = "919876500007", "marzipan"
TEXT = {"recipient_mobile_number": NUMBER, "message": f"Your {WORD} is ready"}

ATTRIBUTES = {
    "messaging.system",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.destination.name",
    "messaging.message.id",
    "http.request.method",
    "http.response.status_code",
    *(f"harkara.{name}" for name in ("category", "attempt", "outcome", "event", "state", "callback")),
    "harkara.campaign",
    "harkara.rule",
}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}", lock_timeout=5) as database:
        yield Database(database.url.render_as_string(hide_password=False), callbacks_enabled=True)


def traced_app(db: Database, memory: Memory) -> Dependencies:
    """The HTTP API as `config.wiring.http_api` builds it for a deployment with a collector."""
    dependencies = dependencies_of(db)

    def accept(envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        answers = dependencies.backend.enqueue(envelopes)
        memory.recorder.accepted(envelopes, answers, 0.0)
        return answers

    return replace(dependencies, batcher=Batcher(accept, 50), traceresponse=memory.recorder.traceresponse)


def dispatcher(db: Database, memory: Memory, redis_client: redis.Redis, hinted: list[str]) -> Dispatcher:
    def on_dispatched(hints: Sequence[tuple[str, int]], started: float) -> None:
        ids = [identity for identity, _ in hints]
        memory.recorder.dispatched(load_traced(db, ids, without_context=memory.ratio > 0), started)

    return Dispatcher(
        db,
        Rounds(db, "worker", lambda name: 1.0),
        {"default": Lane("default", "token", None)},
        Limiter(redis_client, lambda lane, booking: []),
        Hints(lambda ids, urgent: hinted.extend(ids), 50),
        hints_waiting=lambda: 0,
        queued_seconds=10,
        depth=100,
        on_dispatched=on_dispatched,
    )


def apply_events(db: Database, memory: Memory) -> None:
    process(db, replace(CONTEXT, on_applied=memory.recorder.applied))


def test_every_step_of_a_message_is_linked_to_the_callers_context(
    db: Database, redis_client: redis.Redis, valkey_server: ValkeyServer, sandbox: Sandbox
) -> None:
    memory, hinted = Memory(), list[str]()
    receive_message(db, 7)
    with TestClient(create_app(traced_app(db, memory)), headers=SHOP) as client:
        answer = client.post(SEND, json=TEXT, headers={"traceparent": CALLER})
    identity = answer.json()["jobId"]
    # A worker claims it and is killed; Redis loses everything. A second worker, with another memory, goes on.
    claim_messages(db, identity)
    redis_client.flushall()
    age_messages(db, 60, identity)
    run_sweep(db)
    assert dispatcher(db, memory, redis_client, hinted).dispatch(at_once=True) == 1
    assert hinted == [identity]
    hooks: dict[str, Any] = {"on_posted": memory.recorder.posted, "on_stopped": memory.recorder.stopped}
    with running_sender(db, sandbox, valkey_server.url, **hooks) as sender:
        sender.send(hinted)
    webhook = status_webhook(db, "delivered", n=7, jobId=row(db, identity)["job_id"])
    store_webhooks(db, webhook)
    apply_events(db, memory)
    with listening(Application()) as application:
        endpoint = Endpoint(application.url, SECRET, private=True)
        CallbackDelivery(db, endpoint, on_results=Counter[str]().update, on_posted=memory.recorder.called_back).round()
    steps = [str((span.attributes or {})["messaging.operation.name"]) for span in memory.spans()]
    assert steps == ["accept", "dispatch", "POST", "send", "event", "callback", "callback"]
    assert {(span.attributes or {})["messaging.message.id"] for span in memory.spans()} == {identity}
    (accepted,), (sent,), (posted,) = (memory.spans(step) for step in ("accept", "send", "POST"))
    assert (accepted.kind, hexadecimal(accepted)) == (SpanKind.SERVER, answer.headers["traceresponse"][3:52])
    assert answer.headers["traceresponse"].startswith(f"00-{TRACE}-")
    assert posted.parent == sent.context
    assert posted.attributes is not None
    assert posted.attributes["http.response.status_code"] == 202
    linked = [span for span in memory.spans() if span is not posted]
    assert [contexts_of(span) for span in linked] == [[CALLER]] * 6
    assert {headers["traceparent"] for headers in application.headers} == {CALLER}
    assert_nothing_personal(memory.spans())


def hexadecimal(span: ReadableSpan) -> str:
    assert span.context
    return f"{span.context.trace_id:032x}-{span.context.span_id:016x}"


def assert_nothing_personal(spans: Sequence[ReadableSpan]) -> None:
    assert {name for span in spans for name in span.attributes or {}} <= ATTRIBUTES
    shown = " ".join(span.to_json() for span in spans)
    assert [secret for secret in (NUMBER, NUMBER[2:], WORD, "493817", "token") if secret in shown] == []


def test_a_message_without_a_context_has_spans_by_the_ratio_alone(db: Database) -> None:
    for ratio, header, number in ((0.0, None, 0), (1.0, None, 1), (1.0, UNSAMPLED, 0)):
        memory = Memory(ratio)
        with TestClient(create_app(traced_app(db, memory)), headers=SHOP) as client:
            answer = client.post(SEND, json=TEXT, headers={"traceparent": header} if header else {})
        assert len(memory.spans()) == number
        assert ("traceresponse" in answer.headers) == bool(number)


def test_the_trace_of_a_message_without_a_context_has_its_id(db: Database) -> None:
    memory = Memory(1.0)
    (identity,) = accept_messages(db, envelope := otp())
    memory.recorder.accepted([envelope], [Receipt(identity, new=True)], 0.0)
    (claimed,) = claim_messages(db, identity)
    memory.recorder.stopped(claimed, Cancelled("expired", "Its deadline passed."))
    (accepted,), (sent,) = memory.spans("accept"), memory.spans("send")
    digits = identity.removeprefix("job_")
    assert (hexadecimal(accepted), accepted.parent) == (f"{digits}-{digits[16:]}", None)
    assert contexts_of(sent) == [f"00-{digits}-{digits[16:]}-01"]
    assert_nothing_personal(memory.spans())


def test_a_message_of_a_campaign_or_a_reminder_has_a_trace_that_begins_when_it_was_made(
    db: Database, redis_client: redis.Redis
) -> None:
    memory, hinted = Memory(1.0), list[str]()
    campaign = start_campaign(db, size=1)
    save(db, visit(to=f"+{NUMBER}"))
    (reminder,) = reminder_rows(db, "-24h")
    update_message(db, reminder["id"], due_at=datetime.now(UTC) - timedelta(hours=1))
    for _ in range(2):  # a worker claims them in between, and dies
        assert dispatcher(db, memory, redis_client, hinted).dispatch(at_once=True) == 2
        claim_messages(db, *hinted, lease_seconds=0)
        run_sweep(db)
    created, dispatched = memory.spans("create"), memory.spans("dispatch")
    assert [(span.kind, span.parent) for span in created] == [(SpanKind.PRODUCER, None)] * 2
    origins = {(found.get("harkara.campaign"), found.get("harkara.rule")) for found in map(attributes_of, created)}
    assert origins == {(campaign, None), (None, "-24h")}
    digits = [identity.removeprefix("job_") for identity in hinted]
    assert {hexadecimal(span) for span in created} == {f"{each}-{each[16:]}" for each in digits}
    assert {*map(tuple, map(contexts_of, dispatched))} == {(f"00-{each}-{each[16:]}-01",) for each in digits}
    assert len(dispatched) == 4
    assert_nothing_personal(memory.spans())


def attributes_of(span: ReadableSpan) -> Mapping[str, Any]:
    return span.attributes or {}


def test_steps_of_one_thread_are_traces_of_their_own(db: Database) -> None:
    memory = Memory()
    (identity,) = accept_messages(db, envelope := reply().with_traceparent(CALLER))
    (claimed,) = claim_messages(db, identity)
    memory.recorder.accepted([envelope], [Receipt(identity, new=True)], 0.0)
    for _ in range(2):
        memory.recorder.stopped(claimed, Cancelled("expired", "Its deadline passed."))
    traces = [hexadecimal(span).partition("-")[0] for span in memory.spans()]
    assert (traces[0], len(set(traces))) == (TRACE, 3)


def test_a_refusal_is_an_error_and_a_repeat_is_none(db: Database) -> None:
    memory = Memory()
    first, again, refused = (reply(n).with_traceparent(CALLER) for n in range(3))
    answers = [Receipt(first.id, new=True), Receipt(first.id, new=False), Conflict(f"{NUMBER} has {WORD}")]
    memory.recorder.accepted([first, again, refused], answers, 0.0)
    found = [((span.attributes or {})["harkara.outcome"], span.status.status_code) for span in memory.spans()]
    assert found == [
        ("accepted", StatusCode.UNSET),
        ("repeated", StatusCode.UNSET),
        ("refused", StatusCode.ERROR),
    ]
    assert_nothing_personal(memory.spans())


def test_a_collector_gets_the_spans_and_the_headers_of_the_setting() -> None:
    from config.span_export import exporting_spans

    with collecting(Collector()) as collector:
        recorder = exporting_spans(f"{collector.url}/", {"api-key": "praline"}, "host:1", 0.0)
        recorder.accepted([one := reply().with_traceparent(CALLER)], [Receipt(one.id, new=True)], 0.0)
        recorder.close()
    (span,) = collector.spans()
    assert (span.name, span.trace_id.hex()) == ("accept default", TRACE)
    assert collector.headers[0]["api-key"] == "praline"


def test_a_collector_that_refuses_or_hangs_delays_and_fails_nothing() -> None:
    from config.span_export import MAX_SPANS, exporting_spans

    one = reply().with_traceparent(CALLER)
    refusing = exporting_spans("http://127.0.0.1:1", {}, "host:1", 0.0)
    with collecting(Collector(silent=True)) as collector:
        hanging = exporting_spans(collector.url, {}, "host:1", 0.0)
        for recorder in (refusing, hanging):
            for _ in range(MAX_SPANS + 100):  # more than wait for a collector
                recorder.accepted([one], [Receipt(one.id, new=True)], 0.0)
        assert collector.asked.wait(60)
        for recorder in (refusing, hanging):
            recorder.close()
        assert not collector.released.is_set()  # it has answered nothing, and all went on


def test_a_request_is_recorded_by_no_library_of_the_process(tmp_path: Path) -> None:
    """FastAPI would record its path and query, which may have a number, if a library sets up OpenTelemetry."""
    process = Process.fork("api", ["tests.integration.observed_api"], {}, tmp_path)
    assert process.popen.wait(60) == 0, process.output()
    assert process.output().splitlines()[-2:] == ["503 503", "0"]
