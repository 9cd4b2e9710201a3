"""The spans of a message: a short one for each step, linked to the context that the ledger keeps with the message.

No step needs another's memory, so a killed process and an emptied Redis cut no link. The names follow the semantic
conventions of OpenTelemetry for messaging, which want links where a message may wait between two steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from threading import Thread, local
from typing import Any, NamedTuple

import structlog
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from harkara.callbacks.endpoint import EndpointResponse, Responded
from harkara.delivery.post_times import PostTimes
from harkara.errors import Conflict, Invalid
from harkara.ledger.callbacks.outbox import ClaimedCallback
from harkara.ledger.events.apply import AppliedEvent
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.trace_contexts import TracedMessage
from harkara.messages import Envelope
from harkara.outcomes import Outcome, Refused, Uncertain
from harkara.receipt import Receipt
from harkara.trace_context import accept_span, sampled_context, traceresponse
from harkara.version import __version__

log = structlog.get_logger(__name__)

STOP_SECONDS = 3.0
"""Time to export what is left when a process ends."""

Attributes = Mapping[str, str | int | None]


class SpanStep(NamedTuple):
    """What the spans of one step have in common; `operation` is its type by the conventions for messaging."""

    name: str
    kind: SpanKind
    operation: str


ACCEPT = SpanStep("accept", SpanKind.SERVER, "create")
CREATE = SpanStep("create", SpanKind.PRODUCER, "create")
DISPATCH = SpanStep("dispatch", SpanKind.PRODUCER, "send")
SEND = SpanStep("send", SpanKind.CONSUMER, "process")
POST = SpanStep("POST", SpanKind.CLIENT, "send")
EVENT = SpanStep("event", SpanKind.CONSUMER, "process")
CALLBACK = SpanStep("callback", SpanKind.CLIENT, "send")


def _harmless(record: Callable[..., None]) -> Callable[..., None]:
    """Return the method without its exceptions: no message may fail because of its trace."""

    @wraps(record)
    def recorded(*args: Any) -> None:
        try:
            record(*args)
        except Exception as error:
            log.error("span not recorded", action="span_failed", error=type(error).__name__)

    return recorded


class Spans:
    """Records steps that have ended; nothing of it waits for the collector.

    A message without a `traceparent` has spans if it is in the share of `ratio`. Moments are those of
    `time.monotonic()`. No attribute holds a number, a text, a parameter, a code or a token.
    """

    def __init__(self, processor: SpanProcessor, instance: str, *, ratio: float) -> None:
        names = {"service.name": "harkara", "service.version": __version__, "service.instance.id": instance}
        self.ratio = ratio
        self._ids = ChosenIds()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # a message that is not sampled gets here, and makes no span
            resource=Resource.create(names),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("harkara", __version__)

    def traceresponse(self, envelope: Envelope) -> str | None:
        """Return the header that names the span of this acceptance; None if it has none."""
        context = sampled_context(envelope.id, envelope.traceparent, self.ratio)
        return traceresponse(context, envelope.id) if context else None

    @_harmless
    def accepted(
        self, envelopes: Sequence[Envelope], answers: Sequence[Receipt | Conflict | Invalid], started: float
    ) -> None:
        """Record the acceptance of each message, as the next part of its caller's trace."""
        ended = time.monotonic()
        for envelope, answer in zip(envelopes, answers, strict=True):
            if context := sampled_context(envelope.id, envelope.traceparent, self.ratio):
                identity = answer.id if isinstance(answer, Receipt) else envelope.id
                attributes = {"harkara.category": envelope.category, "harkara.outcome": _acceptance(answer)}
                caller = _remote(context) if envelope.traceparent else Context()
                self._choose_ids(envelope.id, None if envelope.traceparent else context)
                span = self._start(ACCEPT, identity, envelope.lane, started, attributes, caller)
                _end(span, ended, failed=not isinstance(answer, Receipt))

    @_harmless
    def dispatched(self, messages: Sequence[TracedMessage], started: float) -> None:
        """Record that a round of dispatch has hinted these messages to the workers."""
        ended = time.monotonic()
        for message in messages:
            if context := sampled_context(message.id, message.traceparent, self.ratio):
                attributes = {"harkara.category": message.category}
                if message.made_at is not None:
                    self._made(message, message.made_at, context)
                _end(self._linked(DISPATCH, message.id, message.lane, started, attributes, context), ended)

    @_harmless
    def posted(self, message: Claimed, outcome: Outcome, times: PostTimes) -> None:
        """Record a POST, within what a sender thread did for the message."""
        if context := sampled_context(message.id, message.traceparent, self.ratio):
            attributes, failed = _of_send(message, outcome), isinstance(outcome, Refused | Uncertain)
            send = self._linked(SEND, message.id, message.lane, times.begun, attributes, context)
            http = attributes | _http(getattr(outcome, "status", None))
            post = self._start(POST, message.id, message.lane, times.started, http, set_span_in_context(send))
            _end(post, times.answered, failed=failed)
            _end(send, times.recorded, failed=failed)

    @_harmless
    def stopped(self, message: Claimed, outcome: Outcome) -> None:
        """Record that a gate or a limit stopped the message before its POST."""
        if context := sampled_context(message.id, message.traceparent, self.ratio):
            now = time.monotonic()
            _end(self._linked(SEND, message.id, message.lane, now, _of_send(message, outcome), context), now)

    @_harmless
    def applied(self, events: Sequence[AppliedEvent], started: float) -> None:
        """Record that the transaction which began at `started` applied these events to their messages."""
        ended = time.monotonic()
        for event in events:
            if context := sampled_context(event.message_id, event.traceparent, self.ratio):
                attributes: Attributes = {
                    "harkara.category": event.category,
                    "harkara.event": event.status,
                    "harkara.state": event.to.value if event.to else None,
                }
                _end(self._linked(EVENT, event.message_id, event.lane, started, attributes, context), ended)

    @_harmless
    def called_back(self, one: ClaimedCallback, response: EndpointResponse, started: float) -> None:
        """Record a callback about a message."""
        ended = time.monotonic()
        if context := sampled_context(one.subject, one.traceparent, self.ratio):
            status = response.status if isinstance(response, Responded) else None
            attributes: Attributes = {"harkara.callback": one.kind, "harkara.attempt": one.tries, **_http(status)}
            span = self._linked(CALLBACK, one.subject, one.lane, started, attributes, context)
            _end(span, ended, failed=status is None or not 200 <= status < 300)

    def close(self) -> None:
        """Export what is left, for STOP_SECONDS at most; a collector that hangs must not delay the end."""
        closing = Thread(target=self._provider.shutdown, name="close-spans", daemon=True)
        closing.start()
        closing.join(STOP_SECONDS)

    def _made(self, message: TracedMessage, at: float, context: str) -> None:
        """Record that a campaign or a rule made the message. The process that did may be a command, without spans."""
        attributes: Attributes = {
            "harkara.category": message.category,
            "harkara.campaign": message.campaign_id,
            "harkara.rule": message.rule,
        }
        self._choose_ids(message.id, context)
        _end(self._start(CREATE, message.id, message.lane, at, attributes, Context()), at)

    def _choose_ids(self, identity: str, own: str | None) -> None:
        """Give the next span the id that names the beginning of a message, in a trace of its `own` without a caller."""
        self._ids.choose(int(accept_span(identity), 16), trace=int(own[3:35], 16) if own else None)

    def _linked(
        self, step: SpanStep, identity: str, lane: str, begun: float, attributes: Attributes, context: str
    ) -> Span:
        """Start a trace of its own: between the hand-over and this step there may be days."""
        return self._start(step, identity, lane, begun, attributes, Context(), [Link(_span_context(context))])

    def _start(
        self,
        step: SpanStep,
        identity: str,
        lane: str,
        begun: float,
        attributes: Attributes,
        parent: Context,
        links: Sequence[Link] = (),
    ) -> Span:
        common: Attributes = {
            "messaging.system": "harkara",
            "messaging.operation.name": step.name,
            "messaging.operation.type": step.operation,
            "messaging.destination.name": lane,
            "messaging.message.id": identity,
        }
        known = {name: value for name, value in {**common, **attributes}.items() if value is not None}
        return self._tracer.start_span(
            f"{step.name} {lane}", parent, step.kind, known, links, start_time=_epoch_nanoseconds(begun)
        )


class ChosenIds(RandomIdGenerator):
    """Gives the next span of a thread the ids that were chosen for it, and every other span random ones."""

    def __init__(self) -> None:
        self._chosen = local()

    def choose(self, span: int, *, trace: int | None) -> None:
        """Choose them; a span with a parent has no choice of its trace."""
        self._chosen.span, self._chosen.trace = span, trace

    def generate_span_id(self) -> int:
        return int(self._chosen.__dict__.pop("span", None) or super().generate_span_id())

    def generate_trace_id(self) -> int:
        return int(self._chosen.__dict__.pop("trace", None) or super().generate_trace_id())


def _span_context(context: str) -> SpanContext:
    flags = TraceFlags(int(context[53:], 16))
    return SpanContext(int(context[3:35], 16), int(context[36:52], 16), is_remote=True, trace_flags=flags)


def _remote(context: str) -> Context:
    return set_span_in_context(NonRecordingSpan(_span_context(context)), Context())


def _end(span: Span, ended: float, *, failed: bool = False) -> None:
    if failed:
        span.set_status(Status(StatusCode.ERROR))
    span.end(_epoch_nanoseconds(ended))


def _epoch_nanoseconds(moment: float) -> int:
    """Return a moment of `time.monotonic()` by this host's clock, as collectors want it."""
    return time.time_ns() - int((time.monotonic() - moment) * 1e9)


def _acceptance(answer: Receipt | Conflict | Invalid) -> str:
    match answer:
        case Receipt(new=True):
            return "accepted"
        case Receipt():
            return "repeated"
        case _:
            return "refused"


def _of_send(message: Claimed, outcome: Outcome) -> dict[str, str | int | None]:
    return {
        "harkara.category": message.category,
        "harkara.attempt": message.epoch,
        "harkara.outcome": type(outcome).__name__.lower(),
    }


def _http(status: int | None) -> dict[str, str | int | None]:
    return {"http.request.method": "POST", "http.response.status_code": status}
