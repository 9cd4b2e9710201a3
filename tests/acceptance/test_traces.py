"""A trace stays joined when the worker is killed and Redis is emptied, and nothing personal is in it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from harkara import CopyCode, Envelope, Template
from harkara.backends.broker import ACCEPT
from harkara.ledger.callbacks.dead_callbacks import count_callbacks
from harkara.redis_client import connect
from harness.ports import free_port
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment
from tests.acceptance.http_client import API_TOKENS, TOKEN
from tests.integration.callbacks.application import SECRET, Application, listening
from tests.integration.spans import Collector, collecting

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OTHER_TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-{PARENT}-01"
NUMBER, CODE, WORD = "919811122233", "73915482", "marzipan"
CHATMITRA_TOKEN, SIGNATURE = "a-token-of-nougat", "a-secret-of-praline"
CANARIES = (NUMBER, NUMBER[2:], CODE, WORD, CHATMITRA_TOKEN, SIGNATURE, TOKEN, SECRET)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_trace_is_joined_across_a_killed_worker_and_an_emptied_redis(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    content = Template("login_code", body=[CODE], buttons=[CopyCode(CODE)], category="authentication")
    envelope = Envelope(to=NUMBER, messages=[content], customer_name=WORD)
    application, collector = Application(port=free_port()), Collector(port=free_port())
    settings = {
        "CHATMITRA_API_TOKEN": CHATMITRA_TOKEN,
        "CHATMITRA_WEBHOOK_SECRET": SIGNATURE,
        "HARKARA_CALLBACK_URL": application.url,
        "HARKARA_CALLBACK_SECRET": SECRET,
        "HARKARA_CALLBACK_PRIVATE": "True",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        **API_TOKENS,
    }
    with (
        listening(application),
        collecting(collector),
        deployment(tmp_path, redis_server, database_url, **settings) as harkara,
    ):
        harkara.start_web()
        killed = harkara.start_worker(ready=False, HARKARA_KILL_AT="K1")
        message, traceresponse = post(harkara.web, envelope)
        killed.wait_killed()
        assert harkara.states() == {"claimed": 1}
        connect(redis_server.url, seconds=30).flushall()
        worker = harkara.start_worker(ready=False)
        harkara.wait_until(lambda: harkara.states() == {"read": 1}, "the message is read")
        harkara.wait_until(lambda: not sum(count_callbacks(harkara.ledger).values()), "the callbacks are delivered")
        steps = {"accept", "dispatch", "send", "POST", "event", "callback"}
        harkara.wait_until(lambda: {step(span) for span in spans_of(collector, message)} >= steps, "all steps have one")
        call_by_task_name(redis_server.url, envelope)
        harkara.wait_until(lambda: harkara.states() == {"read": 2}, "the second is read")
        harkara.wait_until(lambda: other_caller() in contexts_of(application), "it is called back")
        harkara.wait_until(
            lambda: accepted_traces(collector) >= {TRACE, OTHER_TRACE}, "its acceptance is in the other trace"
        )
        collector.silent = True  # a collector that hangs delays no end
        assert worker.terminate() == 0
    spans = spans_of(collector, message)
    sends = {span.span_id for span in spans if step(span) == "send"}
    assert {(step(span), *joined_to(span, sends)) for span in spans} == {
        *((name, TRACE, PARENT) for name in steps - {"POST"}),
        ("POST", "send"),
    }
    (accepted,) = (span for span in spans if step(span) == "accept")
    assert traceresponse == f"00-{TRACE}-{accepted.span_id.hex()}-01"
    assert contexts_of(application) == {CALLER, other_caller()}
    assert [canary for canary in CANARIES if any(canary.encode() in body for body in collector.bodies)] == []


def post(web: str, envelope: Envelope) -> tuple[str, str]:
    """Send a message as an application that traces; return its id and the header `traceresponse`."""
    headers = {"Authorization": f"Bearer {TOKEN}", "traceparent": CALLER, "Harkara-Category": envelope.category}
    call = urllib.request.Request(f"{web}/send_message", json.dumps(envelope.body()).encode(), headers)
    with urllib.request.urlopen(call, timeout=60) as response:
        return json.load(response)["jobId"], response.headers["traceresponse"]


def call_by_task_name(redis_url: str, envelope: Envelope) -> None:
    """Send the message as an application whose Celery is instrumented: the context is a header of the task."""
    options = {"category": envelope.category, "reference": "by task name"}
    with Celery(broker=redis_url, set_as_current=False) as application:
        application.send_task(
            "harkara.enqueue",
            args=[envelope.body()],
            kwargs=options,
            queue=ACCEPT,
            headers={"traceparent": other_caller()},
        )


def other_caller() -> str:
    return f"00-{OTHER_TRACE}-{PARENT}-01"


def contexts_of(application: Application) -> set[str]:
    return {headers["traceparent"] for headers in application.headers}


def accepted_traces(collector: Collector) -> set[str]:
    return {span.trace_id.hex() for span in collector.spans() if step(span) == "accept"}


def spans_of(collector: Collector, message: str) -> list[Span]:
    return [span for span in collector.spans() if attribute(span, "messaging.message.id") == message]


def step(span: Span) -> str:
    return attribute(span, "messaging.operation.name")


def attribute(span: Span, name: str) -> str:
    return next((each.value.string_value for each in span.attributes if each.key == name), "")


def joined_to(span: Span, sends: set[bytes]) -> Iterator[str]:
    """Yield the trace and the span to which a span belongs: by its link, or as a child."""
    if span.parent_span_id in sends:
        yield "send"
    elif span.links:
        (link,) = span.links
        yield from (link.trace_id.hex(), link.span_id.hex())
    else:
        yield from (span.trace_id.hex(), span.parent_span_id.hex())
