"""An application that moved over from Chat Mitra by its URL alone hands messages over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from harkara.gateway import Behind, gateway
from harkara.inbound.contact import Wish
from harkara.ledger.contacts.consent import keep
from harkara.ledger.messages.queries import count_by_state
from harkara.messages import Template
from tests.integration.gateway.house import CLINIC, HELLO, NUMBER, SEND, SHOP, away, behind_of
from tests.integration.ledger.steps import row

CODE = {
    "recipient_mobile_number": NUMBER,
    "messages": [
        {"kind": "template", "template": {"name": "login_code", "language": "en", "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "493817"}]},
        ]}},
    ],
}  # fmt: skip


@pytest.mark.parametrize("path", [SEND, "/send_message"])
def test_a_message_is_in_the_ledger_when_the_answer_comes(web: TestClient, behind: Behind, path: str) -> None:
    answer = web.post(path, json=HELLO)
    assert answer.status_code == 202
    told = answer.json()
    assert told == {"status": "success", "message": "Request queued", "jobId": told["jobId"]}
    kept = row(behind.db, told["jobId"])
    assert json.loads(kept["body"]) == HELLO
    assert (kept["producer"], kept["lane"], kept["state"]) == ("shop", "default", "waiting")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=utf-8", "ContentType": "application/json"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {},
    ],
)
def test_the_content_type_may_be_any_or_none(web: TestClient, headers: dict[str, str]) -> None:
    assert web.post(SEND, content=json.dumps(HELLO).encode(), headers=headers).status_code == 202


def test_headers_say_when_and_how_urgently(web: TestClient, behind: Behind) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    headers = {
        "Harkara-At": (now + timedelta(hours=1)).isoformat(),
        "Harkara-Expires": (now + timedelta(hours=2)).isoformat(),
        "Harkara-Priority": "3",
        "Harkara-Category": "utility",
    }
    kept = row(behind.db, web.post(SEND, json=CODE, headers=headers).json()["jobId"])
    assert kept["due_at"] == now + timedelta(hours=1)
    assert kept["expires_at"] == now + timedelta(hours=2)
    assert (kept["priority"], kept["category"]) == (3, "utility")


def test_a_token_sends_from_its_first_lane_or_from_another_of_its_lanes(web: TestClient, behind: Behind) -> None:
    first = web.post(SEND, json=HELLO, headers=CLINIC).json()["jobId"]
    other = web.post(SEND, json=HELLO, headers=CLINIC | {"Harkara-Lane": "default"}).json()["jobId"]
    assert [row(behind.db, identity)["lane"] for identity in (first, other)] == ["clinic", "default"]
    refused = web.post(SEND, json=HELLO, headers={"Harkara-Lane": "clinic"})
    assert refused.status_code == 403
    assert refused.json() == {"status": "error", "message": "Harkara-Lane: this token may not use the lane"}


def test_a_key_makes_a_repeat_the_same_answer_and_is_not_reused_for_another_message(
    web: TestClient, behind: Behind
) -> None:
    key = {"Idempotency-Key": "order 7 for 919876543210"}
    answers = [web.post(SEND, json=HELLO, headers=key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    other = web.post(SEND, json=HELLO | {"message": "Another"}, headers=key)
    assert other.status_code == 409
    assert other.json()["message"] == "Idempotency-Key: it already stands for another message in this lane"
    assert count_by_state(behind.db) == {"default": {"waiting": 1}}


def test_fifty_repeats_at_once_are_one_message(web: TestClient, behind: Behind) -> None:
    def post(_: int) -> Any:
        return web.post(SEND, json=HELLO, headers={"Idempotency-Key": "once"})

    with ThreadPoolExecutor(50) as many:
        answers = list(many.map(post, range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert count_by_state(behind.db) == {"default": {"waiting": 1}}


def test_many_at_once_are_answered_each_with_its_own(web: TestClient, behind: Behind) -> None:
    def post(n: int) -> Any:
        return web.post(SEND, json=HELLO | {"message": f"Message {n}"}, headers={"Idempotency-Key": str(n % 40)})

    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(post, range(80)))
    taken = {n: answer.json()["jobId"] for n, answer in enumerate(answers) if answer.status_code == 202}
    assert sorted(answer.status_code for answer in answers) == [202] * 40 + [409] * 40
    for n, identity in taken.items():
        assert json.loads(row(behind.db, identity)["body"])["message"] == f"Message {n}"


@pytest.mark.parametrize(
    ("content", "headers", "message"),
    [
        (b"", {}, "body: must be a JSON object in UTF-8"),
        (b"[]", {}, "body: must be a JSON object in UTF-8"),
        (b'{"message": "', {}, "body: must be a JSON object in UTF-8"),
        (b"\xff{}", {}, "body: must be a JSON object in UTF-8"),
        (b'{"message": NaN}', {}, "body: must be a JSON object in UTF-8"),
        (b"[" * 200_000, {}, "body: must be a JSON object in UTF-8"),
        (b'{"message": ' + b"1" * 5000 + b"}", {}, "body: must be a JSON object in UTF-8"),
        ({"message": "Hi"}, {}, "recipient_mobile_number: must not be empty"),
        ({"recipient_mobile_number": "98765"}, {}, "recipient_mobile_number: "),
        ({"recipient_mobile_number": NUMBER}, {}, "message: give either message or messages, and not both"),
        (HELLO | {"message": "*bold*"}, {}, "message: "),
        (HELLO | {"mesage": "Hi"}, {}, "mesage: unknown key; known are "),
        (HELLO | {"message": "x" * 4097}, {}, "message: at most 4,096 "),
        (HELLO, {"Idempotency-Key": ""}, "Idempotency-Key: 1 to 200 printable characters (this has 0)"),
        (HELLO, {"Idempotency-Key": "x" * 201}, "Idempotency-Key: 1 to 200 printable characters (this has 201)"),
        (HELLO, {"Harkara-At": "tomorrow"}, "Harkara-At: must be a time in ISO 8601"),
        (HELLO, {"Harkara-At": "2030-01-01T09:00"}, "Harkara-At: has no time zone"),
        (HELLO | {"expires": "2020-01-01T09:00Z"}, {}, "expires: unknown key; known are "),
        (HELLO, {"Harkara-Priority": "4"}, "Harkara-Priority: must be 0 to 3"),
        (HELLO, {"Harkara-Category": "spam"}, "Harkara-Category: must be 'authentication', "),
    ],
)
def test_what_breaks_a_rule_is_refused_with_field_and_rule_and_the_ledger_not_asked(
    alone: TestClient, content: Any, headers: dict[str, str], message: str
) -> None:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = alone.post(SEND, content=raw, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json().keys() == {"status", "message"}
    assert answer.json()["status"] == "error"
    assert answer.json()["message"].startswith(message)


def test_a_deadline_that_has_passed_is_refused_by_the_ledgers_clock(web: TestClient, behind: Behind) -> None:
    answer = web.post(SEND, json=HELLO, headers={"Harkara-Expires": "2020-01-01T09:00Z"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Harkara-Expires: has passed already")
    assert count_by_state(behind.db) == {}


def test_another_method_is_refused_in_the_same_shape(alone: TestClient) -> None:
    answer = alone.get(SEND)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.json() == {"status": "error", "message": "Method Not Allowed"}


def test_the_largest_body_is_taken_and_a_larger_one_refused(web: TestClient) -> None:
    body = json.dumps(HELLO).encode().ljust(256 * 1024)
    assert web.post(SEND, content=body).status_code == 202
    answer = web.post(SEND, content=body + b" ")
    assert answer.status_code == 413
    assert answer.json() == {"status": "error", "message": "the body may have at most 262,144 bytes"}


def test_a_body_that_does_not_tell_its_length_is_read_no_further_than_the_bound(web: TestClient) -> None:
    given: list[int] = []

    def endless() -> Iterator[bytes]:
        for n in range(64):
            given.append(n)
            yield b" " * 64 * 1024

    assert web.post(SEND, content=endless()).status_code == 413


def test_without_its_ledger_the_door_asks_to_come_again(alone: TestClient) -> None:
    for answer in (alone.post(SEND, json=HELLO), alone.get("/messages"), alone.get("/campaigns")):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert answer.json()["message"].startswith("the database cannot be used now")


@pytest.fixture
def alone() -> Iterator[TestClient]:
    """A door whose ledger is away."""
    with TestClient(gateway(behind_of(away())), headers=SHOP) as client:
        yield client


def test_a_header_names_the_template_that_goes_when_the_window_is_closed(web: TestClient, behind: Behind) -> None:
    headers = {"Harkara-Fallback": "write_to_us"}
    kept = row(behind.db, web.post(SEND, json=HELLO, headers=headers).json()["jobId"])
    assert json.loads(kept["fallback"])["messages"] == [Template("write_to_us").wire()]
    for body, name, rule in (
        (HELLO, "Write to us!", "Harkara-Fallback.name: 1 to 60 of a-z"),
        (CODE, "write_to_us", "Harkara-Fallback: is for what the 24-hour window may stop"),
    ):
        refused = web.post(SEND, json=body, headers={"Harkara-Fallback": name})
        assert (refused.status_code, refused.json()["message"][: len(rule)]) == (400, rule)


def test_who_opted_out_is_refused_by_the_field_of_the_request(web: TestClient, behind: Behind) -> None:
    said = Wish.read(NUMBER, wish="opt-out", category="everything", how="operator", proof="Form", at=datetime.now(UTC))
    keep(behind.db, "default", [said])
    refused = web.post(SEND, json=HELLO)
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("recipient_mobile_number: wants no more messages")
    assert web.post(SEND, json=CODE, headers={"Harkara-Category": "authentication"}).status_code == 202
