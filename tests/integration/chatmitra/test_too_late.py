"""A request whose moment is over: nothing of it is sent, and its connection serves the next one."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from threading import Event

import pytest

from harkara.chatmitra.api import ChatMitra
from tests.integration.chatmitra.socket_server import (
    BODY,
    SUCCESS,
    Handler,
    answering,
    read_request,
    secured,
    send,
    serving,
)

HANDSHAKE_SECONDS = 0.2


def test_a_connection_is_opened_before_the_moment_of_the_request(certificate: Path) -> None:
    with serving(slow_handshake(secured(certificate, answering(202, SUCCESS)))) as server:
        chatmitra = ChatMitra(server.url.replace("http", "https"), ca_bundle=str(certificate))
        connection = chatmitra.connect(time.monotonic())
        opened_at = time.monotonic()
        connection.post("token", BODY, lambda: False)
        assert time.monotonic() - opened_at < HANDSHAKE_SECONDS
        assert server.connections == 1


def test_a_request_that_comes_too_late_sends_nothing_and_keeps_its_connection(certificate: Path) -> None:
    """Otherwise a slow handshake would make the next request late as well."""
    with serving(slow_handshake(secured(certificate, answering(202, SUCCESS)))) as server:
        chatmitra = ChatMitra(server.url.replace("http", "https"), ca_bundle=str(certificate))
        assert chatmitra.connect(time.monotonic()).post("token", BODY, lambda: True) is None
        assert send(chatmitra).ok  # type: ignore[union-attr]
        assert server.connections == 1


def test_a_request_that_is_late_at_its_first_byte_sends_nothing() -> None:
    received: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        while request := read_request(connection):
            received.append(request)
            connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    with serving(handle) as server:
        chatmitra = ChatMitra(server.url)
        assert chatmitra.connect(time.monotonic()).post("token", BODY, lambda: True) is None
        send(chatmitra)
    assert len(received) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_that_the_server_closes_before_the_moment_of_the_request_is_replaced(
    scheme: str, certificate: Path
) -> None:
    closed = Event()

    def handle(connection: socket.socket) -> None:
        if closed.is_set():
            answering(202, SUCCESS)(connection)
        else:
            connection.shutdown(socket.SHUT_RDWR)
            closed.set()

    with serving(secured(certificate, handle) if scheme == "https" else handle) as server:
        chatmitra = ChatMitra(server.url.replace("http", scheme), ca_bundle=str(certificate))
        connection = chatmitra.connect(time.monotonic())
        assert closed.wait(60)
        assert connection.post("token", BODY, lambda: False).ok  # type: ignore[union-attr]
        assert server.connections == 2


def test_a_connection_that_would_be_idle_too_long_at_the_moment_of_the_request_is_replaced() -> None:
    with serving(answering(202, SUCCESS)) as server:
        chatmitra = ChatMitra(server.url, keepalive=1.0)
        send(chatmitra)
        chatmitra.connect(time.monotonic() + 2.0).post("token", BODY, lambda: False)
        assert server.connections == 2


def slow_handshake(handler: Handler) -> Handler:
    def handle(connection: socket.socket) -> None:
        time.sleep(HANDSHAKE_SECONDS)
        handler(connection)

    return handle
