"""Failures after the request: it is unknown whether the message was accepted."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from harkara.answers import NoAnswer
from harkara.chatmitra.api import ChatMitra
from tests.integration.chatmitra.socket_server import (
    SUCCESS,
    http_answer,
    post,
    read_request,
    reset,
    secured,
    send,
    sending,
    serving,
)


def test_a_connection_that_is_closed_unread_is_unknown() -> None:
    with serving(lambda connection: None) as server:
        assert post(server.url) in (NoAnswer("reset"), NoAnswer("closed"))


def test_a_reset_after_the_request_was_read_is_unknown() -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        reset(connection)

    with serving(handle) as server:
        assert post(server.url) == NoAnswer("reset")


def test_a_close_after_the_request_was_read_is_unknown() -> None:
    with serving(sending(b"")) as server:
        assert post(server.url) == NoAnswer("closed")


def test_tls_that_ends_after_the_request_is_unknown_and_not_a_failed_handshake(certificate: Path) -> None:
    with serving(secured(certificate, sending(b""))) as server:
        url = server.url.replace("http", "https")
        assert post(url, ca_bundle=str(certificate)) == NoAnswer("closed")


def test_a_server_that_never_answers_is_unknown() -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(1)

    with serving(handle) as server:
        assert post(server.url, read_timeout=0.2) == NoAnswer("read-timeout")


def test_a_server_that_does_not_even_read_is_unknown() -> None:
    with serving(lambda connection: time.sleep(1)) as server:
        huge = json.dumps({"message": "x" * 20_000_000})
        assert send(ChatMitra(server.url, connect_timeout=0.3), body=huge) == NoAnswer("read-timeout")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (http_answer(200, SUCCESS)[:-10], "half-answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{", "half-answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "unreadable"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "unreadable"),
        (http_answer(200, b"<html>fine</html>"), "unreadable"),
        (http_answer(200, b'"queued"'), "unreadable"),
        (http_answer(204, b""), "unreadable"),
        (http_answer(200, b"[" * 50_000), "unreadable"),
        (http_answer(200, b'{"jobId":"' + b"x" * 100_000 + b'"}'), "unreadable"),
    ],
)
def test_an_incomplete_success_is_unknown(raw: bytes, reason: str) -> None:
    with serving(sending(raw)) as server:
        assert post(server.url) == NoAnswer(reason)  # type: ignore[arg-type]  # one of its literals


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_slow_drip_takes_no_longer_than_the_read_timeout(head: bytes) -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        for _ in range(1200):
            connection.sendall(b"H")
            time.sleep(0.05)

    with serving(handle) as server:
        started = time.monotonic()
        assert post(server.url, read_timeout=0.4) == NoAnswer("read-timeout")
        assert 0.3 < time.monotonic() - started < 30
