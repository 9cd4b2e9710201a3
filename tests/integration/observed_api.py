"""What `test_spans` starts: the HTTP API in a process where another library has set up OpenTelemetry.

It prints the status of two responses, and the number of spans that were recorded.
"""

from __future__ import annotations

from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from harkara.gateway import create_app
from tests.integration.gateway.fixtures import HELLO, SEND, SHOP, dependencies_of, unreachable_database

if __name__ == "__main__":
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    with TestClient(create_app(dependencies_of(unreachable_database())), headers=SHOP) as client:
        print(client.get("/messages?reference=919876543210").status_code, client.post(SEND, json=HELLO).status_code)
    print(len(exporter.get_finished_spans()))
