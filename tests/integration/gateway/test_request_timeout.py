"""A client that sends half of a request, or endless headers, loses its connection; other clients notice nothing."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from harkara.gateway.request_timeout import MAX_HEAD_BYTES
from tests.integration.gateway.fixtures import HELLO
from tests.integration.gateway.harness import TOKEN, Server, start_server

SECONDS = 1.0
"""The limit of this process; the default is 30 s."""

LATE = 60.0
"""Until then the connection is closed, on a busy host as well."""

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
POST = f"POST /send_message HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
BODY = json.dumps(HELLO).encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("web"), HARKARA_REQUEST_TIMEOUT=f"{SECONDS:g}s") as server:
        yield server


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def closed_after(connection: socket.socket, drip: bytes = b"") -> float:
    """Return the seconds until the server closes the connection, to which one byte of `drip` goes every 0.1 s."""
    began = time.monotonic()
    connection.settimeout(0.1)
    for position in range(600):
        try:
            if drip:
                connection.sendall(drip[position % len(drip) :][:1])
            if connection.recv(1) == b"":
                return time.monotonic() - began
        except TimeoutError:
            continue
        except ConnectionError:
            return time.monotonic() - began
    raise AssertionError("the connection stays open")


def response(connection: socket.socket) -> bytes:
    """Return the status line and the headers of a response, and read its body."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1) or b"\r\n\r\n"
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while length > 0:
        length -= len(connection.recv(length))
    return head


def nothing(_connection: socket.socket) -> bytes:
    return b""


def half_a_header(connection: socket.socket) -> bytes:
    connection.sendall(GET)
    return b"X-Slow: "


def half_a_body(connection: socket.socket) -> bytes:
    connection.sendall(POST + b"Content-Length: 100000\r\n\r\n")
    return b" "


def a_silent_body(connection: socket.socket) -> bytes:
    connection.sendall(POST + b"Content-Length: 100\r\n\r\n")
    return b""


def half_a_second_request(connection: socket.socket) -> bytes:
    connection.sendall(GET + b"\r\n")
    assert response(connection).startswith(b"HTTP/1.1 200 ")
    time.sleep(0.8 * SECONDS)  # the time of the first request does not count
    connection.sendall(GET)
    return b"X-Slow: "


@pytest.mark.parametrize("begin", [nothing, half_a_header, half_a_body, a_silent_body, half_a_second_request])
def test_a_connection_without_a_whole_request_is_closed(
    server: Server, begin: Callable[[socket.socket], bytes]
) -> None:
    with connect(server) as connection:
        drip = begin(connection)
        assert 0.9 * SECONDS < closed_after(connection, drip) < LATE


def test_a_request_that_is_complete_in_time_is_answered(server: Server) -> None:
    late = True
    while late:  # a busy machine may have sent a part too late
        late = False
        with connect(server) as connection:
            for _ in range(2):
                began = time.monotonic()
                connection.sendall(POST + f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY[:10])
                time.sleep(0.6 * SECONDS)
                connection.sendall(BODY[10:])
                answer = response(connection)
                late = late or time.monotonic() - began > 0.9 * SECONDS
                assert late or answer.startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize(
    "endless",
    [
        GET + b"X-Long: " + b"x" * MAX_HEAD_BYTES,
        GET + b"X: y\r\n" * (MAX_HEAD_BYTES // 6),
        POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * MAX_HEAD_BYTES,
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: " + b"x" * MAX_HEAD_BYTES,
    ],
    ids=["one header", "many headers", "an extension of a chunk", "a trailer"],
)
def test_a_head_above_the_limit_is_refused_before_its_end(server: Server, endless: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(endless)
        assert response(connection).startswith(b"HTTP/1.1 400 ")
        assert connection.recv(1) == b""


H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
"""What Java's HttpClient sends with its first request to an http:// address."""


@pytest.mark.parametrize("upgrade", [H2C, b"Connection: Upgrade\r\nUpgrade: websocket\r\n"], ids=["h2c", "websocket"])
@pytest.mark.parametrize("together", [True, False])
def test_a_request_that_asks_for_another_protocol_keeps_its_body(
    server: Server, upgrade: bytes, together: bool
) -> None:
    head = POST + upgrade + f"Content-Length: {len(BODY)}\r\n\r\n".encode()
    with connect(server) as connection:
        for _ in range(2):  # on one connection
            if together:
                connection.sendall(head + BODY)
            else:
                connection.sendall(head[:200])
                time.sleep(0.1 * SECONDS)
                connection.sendall(head[200:])
                time.sleep(0.1 * SECONDS)
                connection.sendall(BODY)
            assert response(connection).startswith(b"HTTP/1.1 202 ")
        connection.sendall((head + BODY) * 3 + GET + H2C + b"\r\n")
        found = [response(connection)[:12] for _ in range(4)]
        assert found == [b"HTTP/1.1 202"] * 3 + [b"HTTP/1.1 200"]


def test_a_request_that_asks_for_another_protocol_is_closed_without_its_body(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(POST + H2C + b"Content-Length: 100\r\n\r\n")
        assert 0.9 * SECONDS < closed_after(connection) < LATE


def test_a_request_to_a_proxy_is_refused(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert response(connection).startswith(b"HTTP/1.1 400 ")


def test_a_body_does_not_count_as_headers(server: Server) -> None:
    body = BODY.ljust(3 * MAX_HEAD_BYTES)
    with connect(server) as connection:
        for _ in range(2):
            connection.sendall(POST + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert response(connection).startswith(b"HTTP/1.1 202 ")


def test_a_response_may_take_longer_than_its_request(server: Server) -> None:
    """The answers to wrong tokens wait, in the end for longer than the limit."""
    slowest = 0.0
    for _ in range(9):
        began = time.monotonic()
        assert server.request("GET", "/campaigns", headers={"Authorization": "Bearer wrong"})[0] == 401
        slowest = max(slowest, time.monotonic() - began)
    assert slowest > 1.5 * SECONDS


def test_two_hundred_slow_clients_do_not_delay_an_honest_one(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connect(server)).sendall(GET)
        began = time.monotonic()
        assert server.post(HELLO)[0] == 202
        assert time.monotonic() - began < 30
    assert server.process.alive
    assert "Traceback" not in server.process.output()
