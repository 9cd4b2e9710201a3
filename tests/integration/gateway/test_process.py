"""The HTTP API as a process: requests over a socket, shutdown by a signal, and a log without secrets."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from harkara.ledger.users.acts import Actor
from harkara.ledger.users.users import add_user
from harkara.roles import Role
from harness.ports import free_port
from harness.process import ROOT
from harness.python import run_module
from tests.integration.gateway.fixtures import HELLO
from tests.integration.gateway.harness import TOKEN, Server, start_server
from tests.message_states import count_by_state

NUMBER, CODE, WORD = "919811122233", "73915482", "marzipan"
SECRETS = (NUMBER, NUMBER[2:], CODE, WORD, TOKEN)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("web")) as server:
        yield server


def test_a_message_is_accepted_while_redis_is_unreachable(server: Server) -> None:
    before = sum(count_by_state(server.ledger).get("default", {}).values())
    status, text = server.post(HELLO)
    assert (status, json.loads(text)["status"]) == (202, "success")
    assert sum(count_by_state(server.ledger)["default"].values()) == before + 1


@pytest.mark.skipif(not shutil.which("java"), reason="Java is not installed; test_request_timeout has what it sends")
def test_the_example_in_java_sends_its_message(server: Server) -> None:
    """Java's HttpClient asks for HTTP/2, which the server of the test of the examples does not know."""
    example = {"HARKARA_URL": server.url, "HARKARA_TOKEN": TOKEN, "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1"}
    program = ["java", str(ROOT / "examples" / "Send.java")]
    done = subprocess.run(program, env=os.environ | example, capture_output=True, text=True)
    assert (done.returncode, "job_" in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize(("token", "status"), [(TOKEN, b"413"), ("wrong", b"401")])
def test_a_content_length_above_the_limit_is_refused_before_the_body_arrives(
    server: Server, token: str, status: bytes
) -> None:
    head = (
        f"POST /send_message HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9999999999\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head.encode())
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b'{"status":"error","message":"' in answer


def test_a_chunked_body_is_refused_where_it_exceeds_the_limit(server: Server) -> None:
    head = (
        f"POST /send_message HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head.encode() + 5 * chunk)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_request_that_began_before_sigterm_is_answered(tmp_path: Path) -> None:
    body = json.dumps(HELLO).encode()
    with start_server(tmp_path) as server:
        connection = server.connect()
        connection.putrequest("POST", "/send_message")
        connection.putheader("Authorization", f"Bearer {TOKEN}")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:10])
        time.sleep(0.3)
        server.process.popen.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        connection.send(body[10:])
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["status"]) == (202, "success")
        connection.close()
        assert server.process.popen.wait(60) == -signal.SIGTERM
        assert sum(count_by_state(server.ledger)["default"].values()) == 1


def test_numbers_codes_and_tokens_are_in_no_error_and_no_log(server: Server) -> None:
    responses = [server.post(HELLO | {"recipient_mobile_number": NUMBER, "message": f"Your {WORD} for {CODE}"})]
    for wrong in (
        {"recipient_mobile_number": NUMBER, "message": f"*{WORD}* {CODE}"},
        {"recipient_mobile_number": f"{NUMBER}{CODE}", "message": WORD},
        {"recipient_mobile_number": NUMBER, "message": WORD, NUMBER: 1},
        {"recipient_mobile_number": NUMBER, "message": WORD, f"+{NUMBER[:2]} 98111-22233": 1},
        {"recipient_mobile_number": NUMBER, "message": {WORD: CODE}},
        {"recipient_mobile_number": NUMBER, "messages": [{"kind": WORD, "payload": {"type": CODE}}]},
        {"recipient_mobile_number": NUMBER, "message": WORD, "altTexts": {f"${CODE}": 1}},
    ):
        responses.append(server.post(wrong))
        assert responses[-1][0] == 400
    responses.append(server.request("POST", "/send_message", f'{{"message": "{CODE}'.encode()))
    for header in ("Idempotency-Key", "Harkara-Lane", "Harkara-At", "Harkara-Priority", "Harkara-Category"):
        responses.append(
            server.post({"recipient_mobile_number": NUMBER, "message": "Hi"}, **{header: f"{CODE} {WORD}"})
        )
    responses.append(
        server.post({"recipient_mobile_number": NUMBER, "message": "Ho"}, **{"Idempotency-Key": f"{CODE} {WORD}"})
    )
    assert responses[-1][0] == 409
    responses.append(server.post(HELLO, Authorization=f"Bearer {CODE}{WORD}"))
    secret = quote(f"{NUMBER} {CODE} {WORD}")
    for method, path in (
        ("GET", f"/messages/{secret}"),
        ("POST", f"/messages/{secret}/cancel"),
        ("GET", f"/messages?state={secret}"),
        ("GET", f"/messages?{secret}=1"),
        ("GET", f"/campaigns/{secret}"),
        ("PUT", f"/occasions/{secret}/{secret}"),
        ("GET", f"/occasions/appointment/{secret}"),
        ("POST", f"/webhooks/chatmitra/{secret}"),
        ("GET", f"/{secret}"),
    ):
        responses.append(server.request(method, path, b"{}"))
        assert 400 <= responses[-1][0] < 500
    responses.append(server.request("GET", "/metrics"))
    assert leaked(*(text for _, text in responses)) == set()
    log = server.process.log.read_text()
    assert "POST /send_message" in log
    assert leaked(log) == set()


def test_the_console_is_served_and_no_secret_of_a_link_is_in_the_log(server: Server) -> None:
    link = add_user(server.ledger, "Asha", Role.VIEWER, by=Actor("the test", "command"))
    status, page = server.request("GET", f"/console/link/{link}")
    assert (status, "Asha" in page) == (200, True)
    server.process.wait_for_output("GET /console/link/{secret}")
    assert link not in server.process.output()


def test_an_invalid_setting_stops_the_start_with_its_name(tmp_path: Path) -> None:
    wrong = {
        "HARKARA_API_TOKENS": "My Shop:x",
        "HARKARA_REDIS_URL": "redis://127.0.0.1:1/0",
        "HARKARA_VAR": str(tmp_path),
        "PORT": str(free_port()),
        "PATH": "",
    }
    done = run_module(["workers.web"], wrong)
    assert done.returncode == os.EX_CONFIG
    assert done.stderr.endswith("HARKARA_API_TOKENS: a name has 1 to 40 of a-z, 0-9, _ and -\n")


def leaked(*texts: str) -> set[str]:
    return {secret for secret in SECRETS for text in texts if secret in text}
