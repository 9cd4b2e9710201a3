"""The sandbox process: its start, its environment and its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from tests.integration.sandbox.process import Sandbox, message_bytes, run_sandbox, sandbox_process

PRINTED_SAMPLE = """
import requests
import os
# Load environment variables
token = os.getenv('CHATMITRA_API_TOKEN')
url = os.getenv('CHATMITRA_API_URL', 'https://backend.chatmitra.com/developer/api/send_message')
payload = {
    "recipient_mobile_number": "919999999999",
    "message": "Hello! Your order #12345 is ready for pickup 📦"
}
headers = {
    'Authorization': f'Bearer {token}',
    'Content-Type': 'application/json'
}
try:
    response = requests.post(url, json=payload, headers=headers)
    response.raise_for_status() # Raise error for bad status
    print(response.json()) # Expected: {'status': 'success', 'message': 'Request queued', 'jobId': 'job_abc123xyz789'}
except requests.exceptions.RequestException as e:
    print(f"Error: {e}") # Handle network or API errors
"""
"""The first example of the API's documentation, with the indentation that the documentation page lost."""


def test_the_health_check_responds_ok(sandbox: Sandbox) -> None:
    assert sandbox.get("/healthz") == {"status": "ok"}


def test_the_documented_python_sample_runs_against_it(sandbox: Sandbox) -> None:
    environment = {"CHATMITRA_API_TOKEN": "t", "CHATMITRA_API_URL": f"{sandbox.url}/developer/api/send_message"}

    sample = subprocess.run(
        [sys.executable, "-c", PRINTED_SAMPLE], env=environment, capture_output=True, text=True, timeout=60, check=True
    )

    assert sample.stdout.startswith("{'status': 'success', 'message': 'Request queued', 'jobId': 'job_")


def test_by_default_it_applies_the_documented_limit_and_accepts_any_token() -> None:
    with sandbox_process() as sandbox:
        statuses = [sandbox.send().status_code for _ in range(21)]

        assert statuses == [202] * 20 + [429]


def test_its_environment_sets_tokens_switches_and_history() -> None:
    with sandbox_process(
        SANDBOX_TOKENS="a:1, b:2",
        SANDBOX_LIMIT="none",
        SANDBOX_HISTORY="3",
        SANDBOX_LATENCY_MS="[1, 2]",
        SANDBOX_SUCCESS_STATUS="200",
        SANDBOX_NO_CREDITS='["b:2"]',
    ) as sandbox:
        assert [sandbox.send(token=token).status_code for token in ("a:1", "b:2", "c:3")] == [200, 402, 401]
        sandbox.send(token="a:1")
        assert sandbox.counts()["total"] == 3
        assert sandbox.get("/_sandbox/faults")["latency_ms"] == [1, 2]


def test_an_invalid_setting_is_named() -> None:
    result = run_sandbox(SANDBOX_SERVER_ERROR_SHARE="2")

    assert result.returncode == os.EX_CONFIG
    assert "server_error_share" in result.stderr


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run_sandbox(PORT=port)

    assert result.returncode == 1
    assert port in result.stderr
    assert "SANDBOX_PORT" in result.stderr


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_even_while_requests_hang(stop: signal.Signals) -> None:
    with sandbox_process(SANDBOX_NEVER_ANSWER_SHARE="1") as sandbox, ExitStack() as hanging:
        for _ in range(10):
            hanging.enter_context(sandbox.connection()).sendall(message_bytes())
        hanging.enter_context(sandbox.connection()).sendall(message_bytes()[:-5])
        while sandbox.counts()["accepted"] < 10:
            time.sleep(0.01)

        sandbox.process.send_signal(stop)
        assert sandbox.process.wait(timeout=60) == 0


def test_an_invalid_http_request_gets_a_400_and_its_connection_is_closed(sandbox: Sandbox) -> None:
    with sandbox.connection() as connection:
        connection.sendall(b"hello\r\n\r\n")
        assert connection.recv(1_000).startswith(b"HTTP/1.1 400")

    assert sandbox.send().status_code == 202


def test_it_imports_nothing_of_the_product() -> None:
    program = "import sys, sandbox.server; print([m for m in sys.modules if m.split('.')[0] in %r])"
    rooms = ("harkara", "config", "tasks", "workers")

    result = subprocess.run(
        [sys.executable, "-c", program % (rooms,)], capture_output=True, text=True, timeout=60, check=True
    )

    assert result.stdout.strip() == "[]"
