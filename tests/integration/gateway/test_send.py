"""The routes that send messages, for an application that changed only the URL of Chat Mitra."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from harkara.gateway import Dependencies, create_app
from harkara.inbound.contact import ConsentChoice
from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.database import Database
from harkara.messages import Template
from tests.integration.gateway.fixtures import CLINIC, HELLO, NUMBER, SEND, SHOP, dependencies_of, unreachable_database
from tests.integration.ledger.steps import row
from tests.message_states import count_by_state

CODE = {
    "recipient_mobile_number": NUMBER,
    "messages": [
        {"kind": "template", "template": {"name": "login_code", "language": "en", "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "493817"}]},
        ]}},
    ],
}  # fmt: skip


@pytest.fixture
def db(either_db: Database) -> Database:
    return either_db


@pytest.mark.parametrize("path", [SEND, "/send_message"])
def test_a_message_is_in_the_ledger_when_the_answer_comes(client: TestClient, deps: Dependencies, path: str) -> None:
    answer = client.post(path, json=HELLO)
    assert answer.status_code == 202
    response = answer.json()
    assert response == {"status": "success", "message": "Request queued", "jobId": response["jobId"]}
    stored = row(deps.db, response["jobId"])
    assert json.loads(stored["body"]) == HELLO
    assert (stored["producer"], stored["lane"], stored["state"]) == ("shop", "default", "waiting")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=utf-8", "ContentType": "application/json"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {},
    ],
)
def test_the_content_type_may_be_any_or_none(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post(SEND, content=json.dumps(HELLO).encode(), headers=headers).status_code == 202


def test_headers_set_time_priority_and_category(client: TestClient, deps: Dependencies) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    headers = {
        "Harkara-At": (now + timedelta(hours=1)).isoformat(),
        "Harkara-Expires": (now + timedelta(hours=2)).isoformat(),
        "Harkara-Priority": "3",
        "Harkara-Category": "utility",
    }
    stored = row(deps.db, client.post(SEND, json=CODE, headers=headers).json()["jobId"])
    assert stored["due_at"] == now + timedelta(hours=1)
    assert stored["expires_at"] == now + timedelta(hours=2)
    assert (stored["priority"], stored["category"]) == (3, "utility")


def test_a_token_sends_from_its_first_lane_or_from_the_lane_in_the_header(
    client: TestClient, deps: Dependencies
) -> None:
    first = client.post(SEND, json=HELLO, headers=CLINIC).json()["jobId"]
    other = client.post(SEND, json=HELLO, headers=CLINIC | {"Harkara-Lane": "default"}).json()["jobId"]
    assert [row(deps.db, identity)["lane"] for identity in (first, other)] == ["clinic", "default"]
    refused = client.post(SEND, json=HELLO, headers={"Harkara-Lane": "clinic"})
    assert refused.status_code == 403
    assert refused.json() == {"status": "error", "message": "Harkara-Lane: this token may not use the lane"}


def test_a_key_makes_a_repeat_the_same_answer_and_is_not_reused_for_another_message(
    client: TestClient, deps: Dependencies
) -> None:
    key = {"Idempotency-Key": "order 7 for 919876543210"}
    answers = [client.post(SEND, json=HELLO, headers=key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    other = client.post(SEND, json=HELLO | {"message": "Another"}, headers=key)
    assert other.status_code == 409
    assert other.json()["message"] == "Idempotency-Key: another message in this lane has this key; use a new one"
    assert count_by_state(deps.db) == {"default": {"waiting": 1}}


def test_fifty_repeats_at_once_are_one_message(client: TestClient, deps: Dependencies) -> None:
    def post(_: int) -> Any:
        return client.post(SEND, json=HELLO, headers={"Idempotency-Key": "once"})

    with ThreadPoolExecutor(50) as many:
        answers = list(many.map(post, range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert count_by_state(deps.db) == {"default": {"waiting": 1}}


def test_each_of_many_concurrent_requests_gets_its_own_answer(client: TestClient, deps: Dependencies) -> None:
    def post(n: int) -> Any:
        return client.post(SEND, json=HELLO | {"message": f"Message {n}"}, headers={"Idempotency-Key": str(n % 40)})

    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(post, range(80)))
    taken = {n: answer.json()["jobId"] for n, answer in enumerate(answers) if answer.status_code == 202}
    assert sorted(answer.status_code for answer in answers) == [202] * 40 + [409] * 40
    for n, identity in taken.items():
        assert json.loads(row(deps.db, identity)["body"])["message"] == f"Message {n}"


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
def test_a_broken_rule_is_refused_with_field_and_rule_without_asking_the_ledger(
    without_ledger: TestClient, content: Any, headers: dict[str, str], message: str
) -> None:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = without_ledger.post(SEND, content=raw, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json().keys() == {"status", "message"}
    assert answer.json()["status"] == "error"
    assert answer.json()["message"].startswith(message)


def test_a_deadline_that_has_passed_is_refused_by_the_ledgers_clock(client: TestClient, deps: Dependencies) -> None:
    answer = client.post(SEND, json=HELLO, headers={"Harkara-Expires": "2020-01-01T09:00Z"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Harkara-Expires: has passed already")
    assert count_by_state(deps.db) == {}


def test_another_method_is_refused_in_the_same_shape(without_ledger: TestClient) -> None:
    answer = without_ledger.get(SEND)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    said = "this path has no such method: the header Allow names those that it has"
    assert answer.json() == {"status": "error", "message": said}


def test_an_unknown_path_is_refused_with_the_path_of_messages(without_ledger: TestClient) -> None:
    answer = without_ledger.post("/developer/api/send_template", json=HELLO)
    said = "no route has this path: a message goes to POST /developer/api/send_message"
    assert (answer.status_code, answer.json()) == (404, {"status": "error", "message": said})


def test_a_body_at_the_limit_is_accepted_and_a_larger_one_refused(client: TestClient) -> None:
    body = json.dumps(HELLO).encode().ljust(256 * 1024)
    assert client.post(SEND, content=body).status_code == 202
    answer = client.post(SEND, content=body + b" ")
    assert answer.status_code == 413
    assert answer.json() == {
        "status": "error",
        "message": "the body may have at most 262,144 bytes; shorten its texts, or send several requests",
    }


def test_a_body_without_a_length_is_read_no_further_than_the_limit(client: TestClient) -> None:
    given: list[int] = []

    def endless() -> Iterator[bytes]:
        for n in range(64):
            given.append(n)
            yield b" " * 64 * 1024

    assert client.post(SEND, content=endless()).status_code == 413


def test_an_unreachable_ledger_is_a_503_with_retry_after(without_ledger: TestClient) -> None:
    for answer in (
        without_ledger.post(SEND, json=HELLO),
        without_ledger.get("/messages"),
        without_ledger.get("/campaigns"),
    ):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert answer.json()["message"].startswith("the database cannot be used now")


@pytest.fixture
def without_ledger() -> Iterator[TestClient]:
    """A client of an app whose ledger is unreachable."""
    with TestClient(create_app(dependencies_of(unreachable_database())), headers=SHOP) as client:
        yield client


def test_a_header_sets_the_fallback_template(client: TestClient, deps: Dependencies) -> None:
    headers = {"Harkara-Fallback": "write_to_us"}
    stored = row(deps.db, client.post(SEND, json=HELLO, headers=headers).json()["jobId"])
    assert json.loads(stored["fallback"])["messages"] == [Template("write_to_us").wire()]
    for body, name, rule in (
        (HELLO, "Write to us!", "Harkara-Fallback.name: 1 to 60 of a-z"),
        (CODE, "write_to_us", "Harkara-Fallback: is for messages that a closed 24-hour window stops"),
    ):
        refused = client.post(SEND, json=body, headers={"Harkara-Fallback": name})
        assert (refused.status_code, refused.json()["message"][: len(rule)]) == (400, rule)


def test_an_opted_out_recipient_is_refused_with_the_field_of_the_request(
    client: TestClient, deps: Dependencies
) -> None:
    choice = ConsentChoice.parse(
        NUMBER, action="opt-out", category="everything", how="operator", proof="Form", at=datetime.now(UTC)
    )
    record_consent(deps.db, "default", [choice])
    refused = client.post(SEND, json=HELLO)
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("recipient_mobile_number: wants no more messages")
    assert client.post(SEND, json=CODE, headers={"Harkara-Category": "authentication"}).status_code == 202
