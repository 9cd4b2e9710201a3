"""The application is told by the workers as they are deployed, and nobody else is."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from harkara import Text
from harkara.ledger.callbacks.dead_callbacks import counts
from harkara.messages import Envelope
from harness.ports import free_port
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment
from tests.integration.test_callbacks import SECRET, Application, listening

NUMBER, WORD = "919811122233", "marzipan"


def test_a_worker_tells_the_application_even_if_it_listens_only_later(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    application, metrics = Application(port=free_port()), free_port()
    settings = {
        "HARKARA_CALLBACK_URL": application.url,
        "HARKARA_CALLBACK_SECRET": SECRET,
        "HARKARA_CALLBACK_PRIVATE": "True",
    }
    envelopes = [Envelope(to=NUMBER, messages=[Text(WORD)], reference=f"order {n}") for n in range(4)]
    with deployment(tmp_path, redis_server, database_url, **settings) as harkara:
        harkara.start_worker(HARKARA_METRICS_PORT=str(metrics))
        harkara.deliver(envelopes)
        harkara.wait(lambda: 'harkara_callbacks_left{state="waiting"} 4.0' in read(metrics), "all four wait")
        with listening(application):
            harkara.wait(lambda: counts(harkara.ledger) == {"waiting": 0, "dead": 0}, "all four are told")
        told = {each["data"]["reference"] for each in application.heard if each["type"] == "message.accepted"}
        assert told == {envelope.reference for envelope in envelopes}
        assert application.refused == 0
        harkara.wait(lambda: 'harkara_callbacks_total{outcome="delivered"} 4.0' in read(metrics), "they are counted")


def test_an_application_that_hangs_holds_up_no_message(tmp_path: Path, redis_server: ValkeyServer) -> None:
    hanging = Application(slow=60)
    with listening(hanging), deployment(tmp_path, redis_server, f"sqlite:///{tmp_path / 'harkara.db'}") as harkara:
        harkara.start_worker(
            HARKARA_CALLBACK_URL=hanging.url, HARKARA_CALLBACK_SECRET=SECRET, HARKARA_CALLBACK_PRIVATE="True"
        )
        for _ in range(2):
            harkara.deliver([Envelope(to=NUMBER, messages=[Text(WORD)]) for _ in range(20)])
            harkara.wait(lambda: hanging.under_way > 0, "the application has one in hand")
        assert counts(harkara.ledger) == {"waiting": 40, "dead": 0}


def test_a_worker_with_settings_that_make_no_sense_does_not_start(tmp_path: Path, redis_server: ValkeyServer) -> None:
    with deployment(tmp_path, redis_server, f"sqlite:///{tmp_path / 'harkara.db'}") as harkara:
        worker = harkara.start_worker(ready=False, HARKARA_CALLBACK_URL="https://app.example.com/hear")
        harkara.wait(lambda: worker.popen.poll() is not None, "the worker ends")
        assert "set HARKARA_CALLBACK_SECRET" in worker.output()


def read(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
    return text
