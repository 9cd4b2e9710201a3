"""The examples do what they show: each is run, or what it sends is compared with the documentation."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis
from starlette.testclient import TestClient

from harkara.intake.producer import STREAM
from harness.process import ROOT
from harness.valkey import ValkeyServer

EXAMPLES = ROOT / "examples"
GOOD, BAD = {"to": "98765 43210"}, {"to": "12345"}
REFUSED = "to: is too short: at least 10 digits with the country code (this has 5)"
HEADERS = {"Authorization", "Content-Type", "Idempotency-Key"}


def documented_request() -> dict[str, Any]:
    """The body of the request in the documentation."""
    page = (ROOT / "docs" / "how-to" / "move-from-chat-mitra.md").read_text()
    (body,) = re.findall(r"-d '(\{.*?\})'", page, re.DOTALL)
    found: dict[str, Any] = json.loads(body)
    return found


@contextmanager
def http_api() -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    """A server that keeps each request and answers as the HTTP API does; yields its URL and the requests."""
    received: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            answer = json.dumps({"status": "success", "message": "Request queued", "jobId": "job_1"}).encode()
            self.send_response(202)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("program", "file"), [("node", "send.mjs"), ("java", "Send.java"), ("php", "send.php")])
def test_a_program_sends_the_documented_request(program: str, file: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed; what {file} holds is compared by another test")
    with http_api() as (url, received):
        environment = {"PATH": f"{Path(str(shutil.which(program))).parent}:/usr/bin:/bin"}
        environment |= {"HARKARA_URL": url, "HARKARA_TOKEN": "the-token", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
        environment |= {
            "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
        }  # halves the CPU of its compiler
        done = subprocess.run([program, str(EXAMPLES / file)], env=environment, capture_output=True, text=True)
    assert (done.returncode, "job_1" in done.stdout) == (0, True), done.stderr
    ((path, headers, body),) = received
    assert (path, json.loads(body)) == ("/developer/api/send_message", documented_request())
    assert headers["authorization"] == "Bearer the-token"
    assert headers["idempotency-key"] == "payment-7"
    assert headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("file", "literal"),
    [("Send.java", r'BODY = """\n(.*?)"""'), ("send.php", r"<<<'JSON'\n(.*?)\nJSON;")],
)
def test_the_source_of_a_program_holds_the_documented_request(file: str, literal: str) -> None:
    source = (EXAMPLES / file).read_text()
    (body,) = re.findall(literal, source, re.DOTALL)
    assert json.loads(body) == documented_request()
    assert "/developer/api/send_message" in source
    assert all(header in source for header in HEADERS)
    assert "payment-7" in source


def test_the_celery_producer_calls_a_task_of_the_workers(
    valkey_server: ValkeyServer, redis_client: redis.Redis
) -> None:
    from examples.celery_producer import send

    send(valkey_server.url)
    element = json.loads(str(redis_client.lindex("harkara.accept", 0)))
    tasks = "".join(path.read_text() for path in (ROOT / "tasks").glob("*.py"))
    assert f'name="{element["headers"]["task"]}"' in tasks
    assert "harkara" not in re.findall(r"^(?:from|import) (\w+)", (EXAMPLES / "celery_producer.py").read_text(), re.M)


def test_fastapi_answers_a_broken_rule_with_400(valkey_server: ValkeyServer, redis_client: redis.Redis) -> None:
    from examples.fastapi_app import create_app

    with TestClient(create_app(valkey_server.url)) as client:
        assert_answers(client.post("/orders/7/ready", json=GOOD), client.post("/orders/7/ready", json=BAD))
    assert redis_client.xlen(STREAM) == 1


def test_flask_answers_a_broken_rule_with_400(valkey_server: ValkeyServer, redis_client: redis.Redis) -> None:
    pytest.importorskip("flask", reason="make test-examples installs Flask")
    from examples.flask_app import create_app

    client = create_app(valkey_server.url).test_client()
    assert_answers(client.post("/orders/7/ready", json=GOOD), client.post("/orders/7/ready", json=BAD))
    assert redis_client.xlen(STREAM) == 1


def test_django_answers_a_broken_rule_with_400(valkey_server: ValkeyServer, redis_client: redis.Redis) -> None:
    pytest.importorskip("django", reason="make test-examples installs Django")
    from django.test import Client

    from examples import django_app

    django_app.configure(valkey_server.url)
    client = Client()
    good, bad = (client.post("/orders/7/ready", each, content_type="application/json") for each in (GOOD, BAD))
    django_app.client().close()
    assert_answers(good, bad)
    assert redis_client.xlen(STREAM) == 1


def assert_answers(good: Any, bad: Any) -> None:
    assert (good.status_code, bad.status_code) == (202, 400)
    refused = bad.json if isinstance(bad.json, dict) else bad.json()
    assert refused == {"message": REFUSED}
