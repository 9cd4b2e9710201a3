"""Tracing: the spans of this process for an OpenTelemetry collector, if the deployment has one.

OpenTelemetry is imported only then. Without a collector each part gets what it has without tracing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from config.metrics import observe_post
from config.settings import settings
from config.wiring.shared import database, process_name
from harkara.errors import Conflict, Invalid, Unavailable
from harkara.ledger.messages.trace_contexts import load_traced
from harkara.receipt import Receipt

if TYPE_CHECKING:  # imported below, if there is a collector
    from config.spans import Spans
    from harkara.callbacks.endpoint import EndpointResponse
    from harkara.delivery.post_times import PostTimes
    from harkara.ledger.callbacks.outbox import ClaimedCallback
    from harkara.ledger.events.apply import AppliedEvent
    from harkara.ledger.messages.claim import Claimed
    from harkara.messages import Envelope
    from harkara.outcomes import Outcome

log = structlog.get_logger(__name__)

Answers = Sequence[Receipt | Conflict | Invalid]


_recorders: list[Spans] = []
"""The recorder of this process, once it has started: a worker and the HTTP API start one, and no command does."""


def start_tracing() -> None:
    """Record the spans of this process from now on, if there is a collector.

    Its variable may be set for every program of a host, so a missing extra is logged and stops no start.
    """
    s = settings()
    if s.otlp_endpoint is None or _recorders:
        return
    try:
        from config.span_export import exporting_spans
    except ModuleNotFoundError:
        log.warning("tracing off: it needs pip install 'harkara[otel]'", action="no_otel")
        return
    headers = {name: value.get_secret_value() for name, value in s.otlp_headers.items()}
    _recorders.append(exporting_spans(s.otlp_endpoint, headers, process_name(), s.trace_ratio))


def spans() -> Spans | None:
    """Return what records spans, if this process traces."""
    return _recorders[0] if _recorders else None


def close_spans() -> None:
    """Export the spans that are left, within seconds."""
    if recorder := spans():
        recorder.close()


def traced_accept(
    accept: Callable[[Sequence[Envelope]], list[Receipt | Conflict | Invalid]],
) -> Callable[[Sequence[Envelope]], list[Receipt | Conflict | Invalid]]:
    """Return the function with a span for each message."""
    recorder = spans()
    if recorder is None:
        return accept

    def traced(envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        started = time.monotonic()
        answers = accept(envelopes)
        recorder.accepted(envelopes, answers, started)
        return answers

    return traced


def traceresponse() -> Callable[[Envelope], str | None] | None:
    return recorder.traceresponse if (recorder := spans()) else None


def on_accepted(envelopes: Sequence[Envelope], answers: Answers, started: float) -> None:
    if recorder := spans():
        recorder.accepted(envelopes, answers, started)


def on_dispatched(hints: Sequence[tuple[str, int]], started: float) -> None:
    """Record the messages of a round, whose contexts the ledger has. Without the ledger they have no span."""
    if recorder := spans():
        with suppress(Unavailable):
            ids = [identity for identity, _ in hints]
            recorder.dispatched(load_traced(database(), ids, without_context=recorder.ratio > 0), started)


def on_posted(message: Claimed, outcome: Outcome, times: PostTimes) -> None:
    observe_post(message, outcome, times)
    if recorder := spans():
        recorder.posted(message, outcome, times)


def on_stopped(message: Claimed, outcome: Outcome) -> None:
    if recorder := spans():
        recorder.stopped(message, outcome)


def on_applied(events: Sequence[AppliedEvent], started: float) -> None:
    if recorder := spans():
        recorder.applied(events, started)


def on_called_back(one: ClaimedCallback, response: EndpointResponse, started: float) -> None:
    if recorder := spans():
        recorder.called_back(one, response, started)
