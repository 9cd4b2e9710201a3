"""Failures before the request: nothing was sent."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harkara.answers import NoAnswer, NotSent
from harkara.chatmitra.api import ChatMitra
from harkara.errors import Invalid
from harness.ports import free_port
from tests.integration.chatmitra.socket_server import (
    SUCCESS,
    answering,
    post,
    read_request,
    secured,
    send,
    serving,
)


def test_a_refused_connection_sent_nothing() -> None:
    assert post(f"http://127.0.0.1:{free_port()}/") == NotSent("refused")


def test_a_name_that_does_not_resolve_sent_nothing() -> None:
    assert post("http://chatmitra.invalid/") == NotSent("name-resolution")
    assert post("http://chat..mitra/") == NotSent("name-resolution")


def test_a_connection_that_is_not_made_in_time_sent_nothing() -> None:
    with full_backlog() as port:
        started = time.monotonic()
        assert post(f"http://127.0.0.1:{port}/", connect_timeout=0.3) == NotSent("connect-timeout")
        assert 0.25 < time.monotonic() - started < 30


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose queue is full, so that the kernel drops new connections."""
    waiting: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port: int = listener.getsockname()[1]
        try:
            while True:
                waiting.append(socket.create_connection(("127.0.0.1", port), timeout=0.2))
        except TimeoutError:
            yield port
        finally:
            for each in waiting:
                each.close()


def test_tls_to_a_server_without_tls_sent_nothing() -> None:
    with serving(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        assert post(server.url.replace("http", "https")) == NotSent("tls")


def test_a_tls_handshake_that_is_never_answered_sent_nothing() -> None:
    with serving(lambda connection: time.sleep(0.5)) as server:
        assert post(server.url.replace("http", "https"), connect_timeout=0.2) == NotSent("connect-timeout")


def test_a_certificate_that_is_not_trusted_sent_nothing(certificate: Path) -> None:
    with serving(secured(certificate, answering(202, SUCCESS))) as server:
        assert post(server.url.replace("http", "https")) == NotSent("tls")
        assert post(server.url.replace("http", "https"), ca_bundle=str(certificate)).ok  # type: ignore[union-attr]


def test_a_certificate_of_another_host_sent_nothing(certificate: Path) -> None:
    with serving(secured(certificate, answering(202, SUCCESS))) as server:
        url = server.url.replace("http", "https").replace("127.0.0.1", "localhost")
        assert post(url, ca_bundle=str(certificate)) == NotSent("tls")


@pytest.mark.parametrize("token", ["token\n", "two\r\nlines", "टोकन"])
def test_a_request_that_cannot_be_written_sent_nothing(token: str) -> None:
    """The same connection then carries the next request, whose outcome counts as before."""
    with serving(answering(202, SUCCESS)) as server:
        chatmitra = ChatMitra(server.url)
        for _ in range(2):
            assert send(chatmitra, token) == NotSent("request")
            assert send(chatmitra).ok  # type: ignore[union-attr]


def test_certificates_that_cannot_be_read_are_refused_at_once() -> None:
    with pytest.raises(Invalid, match="ca_bundle"):
        ChatMitra("https://127.0.0.1/", ca_bundle="/no/such/file.pem")


def test_a_connection_that_breaks_after_the_request_is_not_called_unsent() -> None:
    """Also after a request that could not be written, in the same thread."""
    with serving(read_request_and_close) as server:
        chatmitra = ChatMitra(server.url)
        assert send(chatmitra, "token\n") == NotSent("request")
        assert send(chatmitra) == NoAnswer("closed")


def read_request_and_close(connection: socket.socket) -> None:
    read_request(connection)
