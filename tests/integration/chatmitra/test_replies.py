"""Answers that were read: refusals, successes and Retry-After."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from harkara.answers import Replied
from harkara.chatmitra.api import ChatMitra
from tests.integration.chatmitra.socket_server import (
    answering,
    http_answer,
    post,
    send,
    sending,
    serving,
)


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
def test_a_refusal_has_its_code_and_text(status: int, body: bytes, code: str | None, text: str) -> None:
    with serving(answering(status, body)) as server:
        assert post(server.url) == Replied(status, code, text)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"status":"queued"}', b'{"status":true,"error":null}', b'{"status":"SUCCESS"}']
)
def test_a_success_can_be_terse(body: bytes) -> None:
    with serving(answering(200, body)) as server:
        got = post(server.url)
        assert isinstance(got, Replied)
        assert got.ok


def test_a_refusal_counts_also_when_its_body_is_incomplete() -> None:
    with serving(sending(http_answer(429, b"x" * 100, "Retry-After: 7")[:-50])) as server:
        assert post(server.url) == Replied(429, retry_after=7.0)


def test_numbers_codes_and_the_token_are_removed_from_the_text() -> None:
    text = "Bad number +91 98765-43210 or 919999999999, code 123456, token secret:token, 20 a minute " + "x" * 900
    body = json.dumps({"status": "error", "message": text}).encode()
    with serving(answering(400, body)) as server:
        got = send(ChatMitra(server.url), "secret:token")
    assert isinstance(got, Replied)
    assert got.text.startswith("Bad number +… or …, code …, token …, 20 a minute xxx")
    assert len(got.text) == 500


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), (" 12 ", 12.0), ("99999999999", 86_400.0), ("soon", None), ("-3", None), ("", None)],
)
def test_retry_after_is_parsed_as_seconds(header: str, seconds: float | None) -> None:
    with serving(answering(429, b"{}", f"Retry-After: {header}")) as server:
        assert post(server.url) == Replied(429, text="{}", retry_after=seconds)


def test_retry_after_can_be_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with serving(answering(503, b"{}", f"Retry-After: {date}")) as server:
        got = post(server.url)
    assert isinstance(got, Replied)
    assert got.retry_after == pytest.approx(90, abs=3)


def test_without_retry_after_there_is_none() -> None:
    with serving(answering(429, b'{"status":"error","message":"Too Many Messages"}')) as server:
        assert post(server.url) == Replied(429, text="Too Many Messages")
