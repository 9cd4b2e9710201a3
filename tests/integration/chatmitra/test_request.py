"""The request that the client sends, and its connections."""

from __future__ import annotations

import cProfile
import socket
import time

import pytest
import requests

from harkara.answers import Replied
from harkara.chatmitra.adapter import ConnectionAdapter
from harkara.chatmitra.api import ChatMitra
from harkara.errors import Invalid
from harness.ports import free_port
from tests.integration.chatmitra.socket_server import (
    BODY,
    SUCCESS,
    answering,
    http_answer,
    post,
    read_request,
    send,
    sending,
    serving,
)


def test_an_accepted_message_has_its_job_id() -> None:
    with serving(answering(202, SUCCESS)) as server:
        assert post(server.url) == Replied(202, None, "Request queued", "job_abc", ok=True)


def test_the_request_is_what_the_documentation_shows() -> None:
    seen: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(http_answer(200, SUCCESS))

    with serving(handle) as server:
        send(ChatMitra(server.url), "key:part")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /developer/api/send_message HTTP/1.1"
    assert "Authorization: Bearer key:part" in lines
    assert "Content-Type: application/json" in lines
    assert any(line.startswith("User-Agent: harkara/") for line in lines)
    assert sum(line.startswith("Content-Length") for line in lines) == 1
    assert body.decode() == BODY
    assert "नमस्ते".encode() in body


def test_a_round_trip_is_known_from_the_first_connection_on() -> None:
    with serving(answering(200, SUCCESS)) as server:
        provider = ChatMitra(server.url)
        assert provider.round_trip() is None
        send(provider)
        assert 0 < (provider.round_trip() or 0) < 30
    refused = ChatMitra(f"http://127.0.0.1:{free_port()}/send_message")
    send(refused)
    assert refused.round_trip() is None, "no connection was made"


def test_one_connection_carries_the_messages_of_several_lanes() -> None:
    seen: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        while request := read_request(connection):
            seen.append(request)
            connection.sendall(http_answer(200, SUCCESS))

    messages = [("one", '{"a":1}'), ("two", '{"message":"longer"}'), ("one", "{}")]
    with serving(handle) as server:
        chatmitra = ChatMitra(server.url)
        for token, body in messages:
            send(chatmitra, token, body)
        assert server.connections == 1
        host = server.url.split("/")[2]
    for request, (token, body) in zip(seen, messages, strict=True):
        head, _, sent = request.decode().partition("\r\n\r\n")
        line, *headers = head.split("\r\n")
        assert line == "POST /developer/api/send_message HTTP/1.1"
        assert {
            f"Host: {host}",
            f"Authorization: Bearer {token}",
            f"Content-Length: {len(body)}",
            "Content-Type: application/json",
            "Accept-Encoding: identity",
        } < set(headers)
        assert len(headers) == 6
        assert sent == body


def test_a_post_costs_few_function_calls() -> None:
    """A POST by the adapter of requests costs 870, which was most of the CPU time of a sender thread."""
    profile = cProfile.Profile()
    with serving(answering(202, SUCCESS)) as server:
        chatmitra = ChatMitra(server.url)
        send(chatmitra)
        profile.enable()
        send(chatmitra)
        profile.disable()
    calls = sum(entry.callcount for entry in profile.getstats())
    assert calls < 250


def test_the_adapter_serves_a_session_of_requests() -> None:
    with serving(answering(202, SUCCESS)) as server, requests.Session() as session:
        session.mount(server.url, ConnectionAdapter(server.url, None, connect_timeout=1, read_timeout=5))
        answers = [session.post(server.url, json={"message": "नमस्ते"}) for _ in range(2)]
        assert [(one.status_code, one.json()["jobId"]) for one in answers] == [(202, "job_abc")] * 2
        assert server.connections == 1


def test_proxies_of_the_environment_and_redirects_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with serving(answering(302, b"", "Location: http://127.0.0.1:1/")) as server:
        assert post(server.url) == Replied(302)


def test_a_connection_is_reused_until_it_has_been_idle_too_long() -> None:
    with serving(answering(200, SUCCESS)) as server:
        chatmitra = ChatMitra(server.url, keepalive=0.2)
        for _ in range(3):
            send(chatmitra)
        assert server.connections == 1
        time.sleep(0.3)
        send(chatmitra)
        assert server.connections == 2


def closing_when_idle(connection: socket.socket) -> None:
    connection.settimeout(0.05)
    while read_request(connection):
        connection.sendall(http_answer(200, SUCCESS))


def test_idle_connections_are_closed_before_the_server_closes_them() -> None:
    with serving(closing_when_idle) as server:
        chatmitra = ChatMitra(server.url, keepalive=0.03)
        for pause in (0.0, 0.02, 0.04, 0.049, 0.05, 0.051, 0.06, 0.1) * 4:
            time.sleep(pause)
            assert isinstance(send(chatmitra), Replied), pause


def test_a_connection_that_the_server_has_closed_is_replaced() -> None:
    with serving(closing_when_idle) as server:
        chatmitra = ChatMitra(server.url)
        for _ in range(3):
            assert isinstance(send(chatmitra), Replied)
            time.sleep(0.15)


def test_a_connection_with_a_close_header_is_not_reused() -> None:
    with serving(sending(http_answer(200, SUCCESS, "Connection: close"))) as server:
        chatmitra = ChatMitra(server.url)
        assert [isinstance(send(chatmitra), Replied) for _ in range(5)] == [True] * 5


def test_a_connection_with_unread_bytes_is_not_reused() -> None:
    with serving(answering(400, b"x" * 200_000)) as server:
        chatmitra = ChatMitra(server.url)
        assert [send(chatmitra) for _ in range(3)] == [Replied(400, text="x" * 500)] * 3


@pytest.mark.parametrize("url", ["", "chatmitra.com/send_message", "ftp://chatmitra.com/", "http://"])
def test_an_invalid_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(Invalid, match="url"):
        ChatMitra(url)
