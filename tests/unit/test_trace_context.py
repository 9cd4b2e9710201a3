"""W3C Trace Context: which headers count, which messages have spans, and how an application's span is found."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import use_span

from harkara import Client, Text
from harkara.messages import Envelope
from harkara.trace_context import current_traceparent, parse_traceparent, sampled_context, traceresponse

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = f"00-{TRACE}-{SPAN}-01"
IDENTITY = "job_019b1c2d3e4f7a5b8c9d0e1f80000000"
"""Its last 32 bits are half of what they can be."""


@pytest.mark.parametrize(
    ("header", "context"),
    [
        (CALLER, CALLER),
        (f"  {CALLER}\t", CALLER),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        (f"00-{TRACE}-{SPAN}-03", f"00-{TRACE}-{SPAN}-03"),  # sampled, and a random trace
        (f"00-{TRACE}-{SPAN}-ff", f"00-{TRACE}-{SPAN}-03"),  # flags without a meaning
        (f"cc-{TRACE}-{SPAN}-01", CALLER),  # a later version
        (f"cc-{TRACE}-{SPAN}-01-what-comes-then", CALLER),
    ],
)
def test_a_traceparent_is_kept_as_version_00(header: str, context: str) -> None:
    assert parse_traceparent(header) == context


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "919876543210",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 500}",
        f"00-{TRACE}-{SPAN}-0१",
    ],
)
def test_another_text_is_ignored(header: str | None) -> None:
    assert parse_traceparent(header) is None
    assert Envelope(to="+919876543210", messages=[Text("Hi")], traceparent=header).traceparent is None


def test_the_callers_flag_decides_about_a_message_with_a_traceparent() -> None:
    assert sampled_context(IDENTITY, CALLER, 0.0) == CALLER
    assert sampled_context(IDENTITY, f"00-{TRACE}-{SPAN}-00", 1.0) is None
    assert sampled_context(IDENTITY, f"00-{TRACE}-{SPAN}-02", 1.0) is None


@pytest.mark.parametrize(("ratio", "traced"), [(0.0, False), (0.5, False), (0.51, True), (1.0, True)])
def test_a_share_of_the_other_messages_has_a_trace_of_its_own(ratio: float, traced: bool) -> None:
    own = "00-019b1c2d3e4f7a5b8c9d0e1f80000000-8c9d0e1f80000000-01"
    assert sampled_context(IDENTITY, None, ratio) == (own if traced else None)


def test_an_id_that_names_no_trace_has_none() -> None:
    assert sampled_context("job_" + "0" * 32, None, 1.0) is None
    assert sampled_context("event_17", None, 1.0) is None


def test_the_response_names_the_trace_and_the_span_of_the_acceptance() -> None:
    assert traceresponse(CALLER, IDENTITY) == f"00-{TRACE}-8c9d0e1f80000000-01"


def test_a_client_hands_over_the_current_span_of_its_application() -> None:
    assert current_traceparent() is None
    client = Client("redis://127.0.0.1:1/0")
    with use_span(TracerProvider().get_tracer("shop").start_span("order")) as span:
        context = span.get_span_context()
        expected = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 3:02x}"
        assert client.envelope("Hi", to="+919876543210").traceparent == expected
        assert client.envelope("Hi", to="+919876543210", traceparent=CALLER).traceparent == CALLER
    assert client.envelope("Hi", to="+919876543210").traceparent is None
    client.close()
