"""Answers in every form that HTTP/1 allows, and in forms that it does not."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from pathlib import Path

import pytest

from harkara.answers import NoAnswer, Replied
from harkara.chatmitra.api import ChatMitra
from tests.integration.chatmitra.socket_server import (
    SUCCESS,
    Handler,
    http_answer,
    post,
    read_request,
    reset,
    secured,
    send,
    sending,
    serving,
)

ACCEPTED = Replied(202, None, "Request queued", "job_abc", ok=True)
LENGTH = b"Content-Length: %d\r\n" % len(SUCCESS)
CHUNKED = b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: Chunked\r\n\r\n"
CHUNKS = b"a;name=value\r\n" + SUCCESS[:10] + b"\r\n%X\r\n" % len(SUCCESS[10:]) + SUCCESS[10:] + b"\r\n0\r\n"


def compressed(coding: str, body: bytes) -> bytes:
    return http_answer(202, body, f"Content-Encoding: {coding}")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" + http_answer(202, SUCCESS),
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\n" * 3 + http_answer(202, SUCCESS),
        b"HTTP/1.0 202 Accepted\r\n" + LENGTH + b"\r\n" + SUCCESS,
        b"HTTP/1.1 202\r\n" + LENGTH + b"\r\n" + SUCCESS,
        b"HTTP/1.1 202 \r\n" + LENGTH + b"\r\n" + SUCCESS,
        b"HTTP/1.1 202 Accepted\r\n\r\n" + SUCCESS,
        b"HTTP/1.1 202 Accepted\n" + LENGTH.replace(b"\r", b"") + b"\n" + SUCCESS,
        b"HTTP/1.1 202 Accepted\r\ncontent-LENGTH :\t%d \r\n\r\n" % len(SUCCESS) + SUCCESS,
        b"HTTP/1.1 202 Accepted\r\n" + LENGTH + LENGTH + b"\r\n" + SUCCESS,
        b"HTTP/1.1 202 Accepted\r\nX-Continued: one\r\n two: three\r\nno colon\r\n" + LENGTH + b"\r\n" + SUCCESS,
        b"HTTP/1.1 202 Accepted\r\n" + b"X-Many: \xff\r\n" * 1000 + LENGTH + b"\r\n" + SUCCESS,
        CHUNKED + CHUNKS + b"\r\n",
        CHUNKED + CHUNKS + b"Trailer: one\r\nTrailer: two\r\n\r\n",
        CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n") + CHUNKS + b"\r\n",
        compressed("gzip", gzip.compress(SUCCESS)),
        compressed("deflate", zlib.compress(SUCCESS)),
        compressed("identity", SUCCESS),
    ],
)
def test_a_success_is_read_in_every_form(raw: bytes) -> None:
    with serving(sending(raw)) as server:
        assert post(server.url) == ACCEPTED


@pytest.mark.parametrize("raw", [http_answer(202, SUCCESS), CHUNKED + CHUNKS + b"T: t\r\n\r\n"])
def test_a_success_is_read_however_its_bytes_arrive(raw: bytes) -> None:
    def handle(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read_request(connection)
        for byte in raw:
            connection.sendall(bytes([byte]))

    with serving(handle) as server:
        assert post(server.url) == ACCEPTED


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/2 202 Accepted\r\n" + LENGTH + b"\r\n" + SUCCESS,
        b"HTTP/1.1 20 Accepted\r\n" + LENGTH + b"\r\n" + SUCCESS,
        b"HTTP/1.1 2O2 Accepted\r\n" + LENGTH + b"\r\n" + SUCCESS,
        b"\r\n" + http_answer(202, SUCCESS),
        b"HTTP/1.1 202 Accepted\r\n" + LENGTH + b"Content-Length: 2\r\n\r\n" + SUCCESS,
        b"HTTP/1.1 202 Accepted\r\nContent-Length: -64\r\n\r\n" + SUCCESS,
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 0x40\r\n\r\n" + SUCCESS,
        b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS + b"\r\n",
        CHUNKED + b"-5\r\n" + SUCCESS,
        CHUNKED + b"\r\n" + CHUNKS,
        CHUNKED + b"5\r\n" + SUCCESS + b"\r\n0\r\n\r\n",
        CHUNKED + b"5" + b"x" * 100_000,
        b"HTTP/1.1 202 Accepted\r\nX-Long: " + b"x" * 100_000 + b"\r\n" + LENGTH + b"\r\n" + SUCCESS,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5_000 + http_answer(202, SUCCESS),
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + SUCCESS + b"\r\n\r\n",
        compressed("gzip", SUCCESS),
        compressed("gzip", gzip.compress(SUCCESS)[:-20]),
        compressed("gzip", gzip.compress(b'{"jobId":"' + b"x" * 10_000_000 + b'"}')),
    ],
)
def test_a_success_that_is_not_http_is_unknown(raw: bytes) -> None:
    with serving(sending(raw)) as server:
        assert post(server.url) == NoAnswer("unreadable")


@pytest.mark.parametrize(
    "raw", [http_answer(202, SUCCESS)[:-1], CHUNKED + CHUNKS[:-3], CHUNKED + CHUNKS, CHUNKED + CHUNKS + b"T: t\r\n"]
)
def test_a_success_that_ends_early_is_half_an_answer(raw: bytes) -> None:
    with serving(sending(raw)) as server:
        assert post(server.url) == NoAnswer("half-answer")


@pytest.mark.parametrize(
    "rest",
    [b"Content-Length: x\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"Content-Length: 9\r\n\r\nhalf"],
)
def test_a_refusal_counts_whatever_its_body_is(rest: bytes) -> None:
    with serving(sending(b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\n" + rest)) as server:
        assert post(server.url) == Replied(429, retry_after=7.0)


def test_a_success_that_a_reset_cuts_off_is_unknown() -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(http_answer(202, SUCCESS)[:-10])
        reset(connection)

    with serving(handle) as server:
        assert post(server.url) == NoAnswer("reset")


def test_an_answer_before_the_whole_request_was_read_counts() -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(http_answer(413, b"too large"))

    with serving(handle) as server:
        huge = json.dumps({"message": "x" * 20_000_000})
        assert send(ChatMitra(server.url), body=huge) == Replied(413, text="too large")


@pytest.mark.parametrize(
    ("raw", "connections"),
    [
        (http_answer(202, SUCCESS), 1),
        (http_answer(202, SUCCESS, "Connection: Keep-Alive"), 1),
        (CHUNKED + CHUNKS + b"\r\n", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + http_answer(202, SUCCESS), 1),
        (compressed("gzip", gzip.compress(SUCCESS)), 1),
        (b"HTTP/1.1 204 None\r\n\r\n", 1),
        (b"HTTP/1.0 202 OK\r\nConnection: keep-alive\r\n" + LENGTH + b"\r\n" + SUCCESS, 1),
        (b"HTTP/1.0 202 OK\r\n" + LENGTH + b"\r\n" + SUCCESS, 2),
        (http_answer(202, SUCCESS, "Connection: upgrade, Close"), 2),
        (http_answer(202, SUCCESS) + b"\r\n", 2),
        (b"HTTP/1.1 429 Slow\r\nContent-Length: x\r\n\r\n", 2),
    ],
)
def test_a_connection_is_reused_after_a_whole_answer_that_leaves_nothing_behind(raw: bytes, connections: int) -> None:
    with serving(repeating(raw)) as server:
        chatmitra = ChatMitra(server.url)
        first = send(chatmitra)
        assert send(chatmitra) == first
        assert server.connections == connections


def repeating(raw: bytes) -> Handler:
    def handle(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(raw)

    return handle


def test_a_surplus_answer_is_not_that_of_the_next_message() -> None:
    surplus = http_answer(202, SUCCESS.replace(b"job_abc", b"job_xyz"))
    with serving(repeating(http_answer(202, SUCCESS) + surplus)) as server:
        chatmitra = ChatMitra(server.url)
        assert [send(chatmitra) for _ in range(3)] == [ACCEPTED] * 3


def test_a_long_answer_over_tls_is_read_whole_and_its_connection_reused(certificate: Path) -> None:
    body = SUCCESS.replace(b"{", b"{" + b" " * 60_000, 1)
    with serving(secured(certificate, repeating(http_answer(202, body)))) as server:
        chatmitra = ChatMitra(server.url.replace("http", "https"), ca_bundle=str(certificate))
        assert [send(chatmitra) for _ in range(3)] == [ACCEPTED] * 3
        assert server.connections == 1
