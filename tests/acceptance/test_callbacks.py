"""Callbacks to the application from workers as deployed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harkara import Text
from harkara.ledger.callbacks.dead_callbacks import count_callbacks
from harkara.messages import Envelope
from harness.ports import free_port
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment
from tests.acceptance.http_client import read_text
from tests.integration.callbacks.application import SECRET, Application, listening

NUMBER, WORD = "919811122233", "marzipan"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_delivers_callbacks_to_an_application_that_starts_later(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    application, port = Application(port=free_port()), free_port()
    metrics = f"http://127.0.0.1:{port}/metrics"
    settings = {
        "HARKARA_CALLBACK_URL": application.url,
        "HARKARA_CALLBACK_SECRET": SECRET,
        "HARKARA_CALLBACK_PRIVATE": "True",
    }
    envelopes = [Envelope(to=NUMBER, messages=[Text(WORD)], reference=f"order {n}") for n in range(4)]
    with deployment(tmp_path, redis_server, database_url, **settings) as harkara:
        harkara.start_worker(HARKARA_METRICS_PORT=str(port))
        harkara.deliver(envelopes)
        harkara.wait_until(lambda: 'harkara_callbacks_left{state="waiting"} 4.0' in read_text(metrics), "all four wait")
        with listening(application):
            harkara.wait_until(
                lambda: count_callbacks(harkara.ledger) == {"waiting": 0, "dead": 0}, "all are delivered"
            )
        references = {each["data"]["reference"] for each in application.payloads if each["type"] == "message.accepted"}
        assert references == {envelope.reference for envelope in envelopes}
        assert application.refused == 0
        harkara.wait_until(
            lambda: 'harkara_callbacks_total{outcome="delivered"} 4.0' in read_text(metrics), "they are counted"
        )


def test_an_application_that_hangs_delays_no_message(tmp_path: Path, redis_server: ValkeyServer) -> None:
    hanging = Application(delay=60)
    with listening(hanging), deployment(tmp_path, redis_server, f"sqlite:///{tmp_path / 'harkara.db'}") as harkara:
        harkara.start_worker(
            HARKARA_CALLBACK_URL=hanging.url, HARKARA_CALLBACK_SECRET=SECRET, HARKARA_CALLBACK_PRIVATE="True"
        )
        for _ in range(2):
            harkara.deliver([Envelope(to=NUMBER, messages=[Text(WORD)]) for _ in range(20)])
            harkara.wait_until(lambda: hanging.in_progress > 0, "the application has received one")
        assert count_callbacks(harkara.ledger) == {"waiting": 40, "dead": 0}


def test_a_worker_with_an_incomplete_setting_does_not_start(tmp_path: Path, redis_server: ValkeyServer) -> None:
    with deployment(tmp_path, redis_server, f"sqlite:///{tmp_path / 'harkara.db'}") as harkara:
        worker = harkara.start_worker(ready=False, HARKARA_CALLBACK_URL="https://app.example.com/callbacks")
        harkara.wait_until(lambda: worker.popen.poll() is not None, "the worker ends")
        assert "set HARKARA_CALLBACK_SECRET" in worker.output()
