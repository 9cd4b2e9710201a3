"""Export spans to an OpenTelemetry collector, by OTLP over HTTP, in a thread of its own.

A collector that is down, slow or wrong delays and fails nothing: spans that do not fit into the queue are dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from config.spans import Spans

log = structlog.get_logger(__name__)
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)  # it logs each failed try, with the URL

TIMEOUT_SECONDS = 5
"""Time for one batch, its repeats included."""

MAX_SPANS = 4096
"""Spans that wait for the collector."""


def exporting_spans(endpoint: str, headers: Mapping[str, str], instance: str, ratio: float) -> Spans:
    """Return what records the spans of the process `instance`; `endpoint` is the base URL of a collector."""
    url = f"{endpoint.rstrip('/')}/v1/traces"
    exporter = LoggedExporter(OTLPSpanExporter(endpoint=url, headers=dict(headers), timeout=TIMEOUT_SECONDS))
    return Spans(BatchSpanProcessor(exporter, max_queue_size=MAX_SPANS), instance, ratio=ratio)


class LoggedExporter(SpanExporter):
    """Logs when a collector begins to refuse spans and when it takes them again, and nothing in between."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._refused = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch. Raises nothing."""
        try:
            result = self._exporter.export(spans)
        except Exception as error:
            log.debug("spans not exported", action="spans_failed", error=type(error).__name__)
            result = SpanExportResult.FAILURE
        refused = result is not SpanExportResult.SUCCESS
        if refused and not self._refused:
            log.warning("collector takes no spans", action="collector_failing", spans=len(spans))
        elif self._refused and not refused:
            log.info("collector takes spans again", action="collector_recovered")
        self._refused = refused
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
