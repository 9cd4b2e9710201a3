"""The wall to Chat Mitra, over real sockets, against servers that misbehave in every way there is."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Thread

import pytest

from harkara.chatmitra.api import ChatMitra, NoAnswer, NotSent, Replied
from harkara.errors import Invalid
from harness.ports import free_port
from tests.certificates import self_signed

BODY = json.dumps({"recipient_mobile_number": "919999999999", "message": "नमस्ते"}, ensure_ascii=False)
SUCCESS = b'{"status":"success","message":"Request queued","jobId":"job_abc"}'

Handler = Callable[[socket.socket], None]


@dataclass
class Server:
    """Hands each connection to `handler`, one after the other, and counts them."""

    handler: Handler
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    connections: int = 0
    latest: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/developer/api/send_message"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.latest = connection
            with connection:
                connection.settimeout(10)
                try:
                    self.handler(connection)
                except OSError:
                    continue

    def close(self) -> None:
        """Wakes whoever waits for a connection, or on one."""
        for each in (self.listener, self.latest):
            with suppress(OSError):
                if each is not None:
                    each.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextmanager
def serving(handler: Handler) -> Iterator[Server]:
    server = Server(handler)
    thread = Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def request(connection: socket.socket) -> bytes:
    """One whole request: its head and as much body as the head promises; empty when the client is gone."""
    said = b""
    while b"\r\n\r\n" not in said:
        if not (part := connection.recv(65_536)):
            return b""
        said += part
    head, _, body = said.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def answer(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def answering(status: int, body: bytes, *headers: str) -> Handler:
    """Answers every request of a connection alike."""

    def handle(connection: socket.socket) -> None:
        while request(connection):
            connection.sendall(answer(status, body, *headers))

    return handle


def saying(raw: bytes) -> Handler:
    """Reads the request, sends these bytes as they are, and closes."""

    def handle(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(raw)

    return handle


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def post(url: str, **options: float | str | None) -> Replied | NotSent | NoAnswer:
    return ChatMitra(url, **options).post("token", BODY)  # type: ignore[arg-type]  # each test gives what fits


def test_a_message_that_is_taken_has_its_job_id() -> None:
    with serving(answering(202, SUCCESS)) as server:
        assert post(server.url) == Replied(202, None, "Request queued", "job_abc", ok=True)


def test_the_request_is_what_the_documentation_shows() -> None:
    seen: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        seen.append(request(connection))
        connection.sendall(answer(200, SUCCESS))

    with serving(handle) as server:
        ChatMitra(server.url).post("key:part", BODY)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /developer/api/send_message HTTP/1.1"
    assert "Authorization: Bearer key:part" in lines
    assert "Content-Type: application/json" in lines
    assert any(line.startswith("User-Agent: harkara/") for line in lines)
    assert sum(line.startswith("Content-Length") for line in lines) == 1
    assert body.decode() == BODY
    assert "नमस्ते".encode() in body


def test_proxies_of_the_environment_and_redirects_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with serving(answering(302, b"", "Location: http://127.0.0.1:1/")) as server:
        assert post(server.url) == Replied(302)


# Nothing was sent


def test_a_refused_connection_sent_nothing() -> None:
    assert post(f"http://127.0.0.1:{free_port()}/") == NotSent("refused")


def test_a_name_that_does_not_resolve_sent_nothing() -> None:
    assert post("http://chatmitra.invalid/") == NotSent("name-resolution")
    assert post("http://chat..mitra/") == NotSent("name-resolution")


def test_a_connection_that_does_not_come_about_in_time_sent_nothing() -> None:
    with full_backlog() as port:
        began = time.monotonic()
        assert post(f"http://127.0.0.1:{port}/", connect_timeout=0.3) == NotSent("connect-timeout")
        assert 0.25 < time.monotonic() - began < 2


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose queue is full, so that the kernel drops whoever knocks."""
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


def test_tls_with_a_server_that_speaks_none_sent_nothing() -> None:
    with serving(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        assert post(server.url.replace("http", "https")) == NotSent("tls")


def test_a_tls_handshake_that_is_never_answered_sent_nothing() -> None:
    with serving(lambda connection: time.sleep(0.5)) as server:
        assert post(server.url.replace("http", "https"), connect_timeout=0.2) == NotSent("connect-timeout")


def test_a_certificate_that_is_not_trusted_sent_nothing(certificate: Path) -> None:
    with serving(secured(certificate, answering(202, SUCCESS))) as server:
        assert post(server.url.replace("http", "https")) == NotSent("tls")
        assert post(server.url.replace("http", "https"), ca_bundle=str(certificate)).ok  # type: ignore[union-attr]


# Nobody can know


def test_a_connection_that_is_closed_unread_is_unknown() -> None:
    with serving(lambda connection: None) as server:
        assert post(server.url) in (NoAnswer("reset"), NoAnswer("closed"))


def test_a_reset_after_the_request_was_read_is_unknown() -> None:
    def handle(connection: socket.socket) -> None:
        request(connection)
        reset(connection)

    with serving(handle) as server:
        assert post(server.url) == NoAnswer("reset")


def test_a_close_after_the_request_was_read_is_unknown() -> None:
    with serving(saying(b"")) as server:
        assert post(server.url) == NoAnswer("closed")


def test_tls_that_breaks_off_after_the_request_is_unknown_and_not_a_failed_handshake(certificate: Path) -> None:
    with serving(secured(certificate, saying(b""))) as server:
        url = server.url.replace("http", "https")
        assert post(url, ca_bundle=str(certificate)) == NoAnswer("closed")


def test_silence_is_unknown() -> None:
    def handle(connection: socket.socket) -> None:
        request(connection)
        connection.recv(1)

    with serving(handle) as server:
        assert post(server.url, read_timeout=0.2) == NoAnswer("read-timeout")


def test_a_server_that_does_not_even_read_is_unknown() -> None:
    with serving(lambda connection: time.sleep(1)) as server:
        huge = json.dumps({"message": "x" * 20_000_000})
        assert ChatMitra(server.url, connect_timeout=0.3).post("token", huge) == NoAnswer("read-timeout")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (answer(200, SUCCESS)[:-10], "half-answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{", "half-answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "unreadable"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "unreadable"),
        (answer(200, b"<html>fine</html>"), "unreadable"),
        (answer(200, b'"queued"'), "unreadable"),
        (answer(204, b""), "unreadable"),
        (answer(200, b"[" * 50_000), "unreadable"),
        (answer(200, b'{"jobId":"' + b"x" * 100_000 + b'"}'), "unreadable"),
    ],
)
def test_a_success_that_does_not_come_whole_is_unknown(raw: bytes, reason: str) -> None:
    with serving(saying(raw)) as server:
        assert post(server.url) == NoAnswer(reason)  # type: ignore[arg-type]  # one of its words


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_drip_holds_nobody_longer_than_the_read_timeout(head: bytes) -> None:
    def handle(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(head)
        for _ in range(60):
            connection.sendall(b"H")
            time.sleep(0.05)

    with serving(handle) as server:
        began = time.monotonic()
        assert post(server.url, read_timeout=0.4) == NoAnswer("read-timeout")
        assert 0.3 < time.monotonic() - began < 1.5


# It was refused


@pytest.mark.parametrize(
    ("status", "body", "code", "text"),
    [
        (
            400,
            b'{"status":"error","message":"Text contains invalid characters"}',
            None,
            "Text contains invalid characters",
        ),
        (400, b'{"error":{"message":"(#131056) Too fast","code":131056}}', "131056", "(#…) Too fast"),
        (400, b'{"status":"error","message":"(#131047) Re-engagement"}', "131047", "(#…) Re-engagement"),
        (200, b'{"status":"error","code":"131026","message":"Undeliverable"}', "131026", "Undeliverable"),
        (200, b'{"status":false,"message":"No"}', None, "No"),
        (200, b'{"success":false}', None, '{"success":false}'),
        (200, b'{"error":"No credits"}', None, "No credits"),
        (200, b'{"status":"failed","errors":[{"code":100,"title":"Bad"}]}', "100", "Bad"),
        (500, b"", None, ""),
        (502, b"<html>\n<h1>Bad  gateway</h1></html>", None, "<html> <h1>Bad gateway</h1></html>"),
    ],
)
def test_a_refusal_is_told_with_code_and_text(status: int, body: bytes, code: str | None, text: str) -> None:
    with serving(answering(status, body)) as server:
        assert post(server.url) == Replied(status, code, text)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"status":"queued"}', b'{"status":true,"error":null}', b'{"status":"SUCCESS"}']
)
def test_a_success_may_be_terse(body: bytes) -> None:
    with serving(answering(200, body)) as server:
        got = post(server.url)
        assert isinstance(got, Replied)
        assert got.ok


def test_a_refusal_counts_also_when_its_body_breaks_off() -> None:
    with serving(saying(answer(429, b"x" * 100, "Retry-After: 7")[:-50])) as server:
        assert post(server.url) == Replied(429, retry_after=7.0)


def test_numbers_codes_and_the_token_that_are_echoed_are_taken_out() -> None:
    text = "Bad number +91 98765-43210 or 919999999999, code 123456, token secret:token, 20 a minute " + "x" * 900
    body = json.dumps({"status": "error", "message": text}).encode()
    with serving(answering(400, body)) as server:
        got = ChatMitra(server.url).post("secret:token", BODY)
    assert isinstance(got, Replied)
    assert got.text.startswith("Bad number +… or …, code …, token …, 20 a minute xxx")
    assert len(got.text) == 500


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), (" 12 ", 12.0), ("99999999999", 86_400.0), ("soon", None), ("-3", None), ("", None)],
)
def test_retry_after_is_read_in_seconds(header: str, seconds: float | None) -> None:
    with serving(answering(429, b"{}", f"Retry-After: {header}")) as server:
        assert post(server.url) == Replied(429, text="{}", retry_after=seconds)


def test_retry_after_may_be_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with serving(answering(503, b"{}", f"Retry-After: {date}")) as server:
        got = post(server.url)
    assert isinstance(got, Replied)
    assert got.retry_after == pytest.approx(90, abs=3)


def test_without_retry_after_there_is_none() -> None:
    with serving(answering(429, b'{"status":"error","message":"Too Many Messages"}')) as server:
        assert post(server.url) == Replied(429, text="Too Many Messages")


# Connections


def test_a_connection_is_used_again_until_it_has_been_idle_too_long() -> None:
    with serving(answering(200, SUCCESS)) as server:
        chatmitra = ChatMitra(server.url, keepalive=0.2)
        for _ in range(3):
            chatmitra.post("token", BODY)
        assert server.connections == 1
        time.sleep(0.3)
        chatmitra.post("token", BODY)
        assert server.connections == 2


def closing_when_idle(connection: socket.socket) -> None:
    connection.settimeout(0.05)
    while request(connection):
        connection.sendall(answer(200, SUCCESS))


def test_connections_dropped_before_the_server_does_cause_no_doubt() -> None:
    with serving(closing_when_idle) as server:
        chatmitra = ChatMitra(server.url, keepalive=0.03)
        for pause in (0.0, 0.02, 0.04, 0.049, 0.05, 0.051, 0.06, 0.1) * 4:
            time.sleep(pause)
            assert isinstance(chatmitra.post("token", BODY), Replied), pause


def test_a_connection_that_the_server_has_closed_meanwhile_is_noticed() -> None:
    with serving(closing_when_idle) as server:
        chatmitra = ChatMitra(server.url)
        for _ in range(3):
            assert isinstance(chatmitra.post("token", BODY), Replied)
            time.sleep(0.15)


def test_a_connection_that_the_server_announced_to_close_is_not_used_again() -> None:
    with serving(saying(answer(200, SUCCESS, "Connection: close"))) as server:
        chatmitra = ChatMitra(server.url)
        assert [isinstance(chatmitra.post("token", BODY), Replied) for _ in range(5)] == [True] * 5


def test_a_connection_with_bytes_left_in_it_is_not_used_again() -> None:
    with serving(answering(400, b"x" * 200_000)) as server:
        chatmitra = ChatMitra(server.url)
        assert [chatmitra.post("token", BODY) for _ in range(3)] == [Replied(400, text="x" * 500)] * 3


@pytest.mark.parametrize("url", ["", "chatmitra.com/send_message", "ftp://chatmitra.com/", "http://"])
def test_what_cannot_be_a_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(Invalid, match="url"):
        ChatMitra(url)


def test_what_cannot_be_a_token_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(Invalid, match="token"):
        ChatMitra("http://127.0.0.1:1/").post("two\r\nlines", BODY)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")


def secured(certificate: Path, handler: Handler) -> Handler:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inner:
            handler(inner)

    return handle
