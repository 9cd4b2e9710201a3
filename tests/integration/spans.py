"""Spans in memory, and collectors on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Event, Lock
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ExportedSpan
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from config.spans import Spans
from tests.integration.callbacks.application import http_server


@dataclass
class Memory:
    """A recorder whose spans stay in memory."""

    ratio: float = 0.0
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        self.recorder = Spans(SimpleSpanProcessor(self.exporter), "host:1", ratio=self.ratio)

    def spans(self, step: str | None = None) -> list[ReadableSpan]:
        """Return the spans in the order of their ends, or those of one step."""
        found = self.exporter.get_finished_spans()
        return [each for each in found if step in (None, (each.attributes or {})["messaging.operation.name"])]


def contexts_of(span: ReadableSpan) -> list[str]:
    """Return the contexts to which a span belongs: its parent's and those of its links."""
    found = [each.context for each in span.links] + ([span.parent] if span.parent else [])
    return [f"00-{each.trace_id:032x}-{each.span_id:016x}-{each.trace_flags:02x}" for each in found]


@dataclass
class Collector:
    """A collector of OTLP over HTTP. While `silent` is set, it takes requests and answers none."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    silent: bool = False
    asked: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def spans(self) -> list[ExportedSpan]:
        """Return all spans that have arrived."""
        with self.lock:
            requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def collecting(collector: Collector) -> Iterator[Collector]:
    """Serve the collector on its port, or on a free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.asked.set()
            if collector.silent:
                collector.released.wait(60)
                return
            with collector.lock:
                collector.bodies.append(body)
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http_server(Handler, collector.port, None) as collector.port:
        try:
            yield collector
        finally:
            collector.released.set()
