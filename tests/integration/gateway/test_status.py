"""The routes that get, list and cancel messages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from harkara.gateway import Dependencies
from harkara.ledger.contacts.consent import link_names
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import get_status
from tests.integration.gateway.fixtures import HELLO, NUMBER, SEND
from tests.integration.ledger.steps import accept_messages, otp, reply, send_message


@pytest.fixture
def db(either_db: Database) -> Database:
    return either_db


def test_a_message_has_its_state_attempts_and_trace(client: TestClient, deps: Dependencies) -> None:
    identity = send_message(deps.db, reply(reference="order/7"))
    found = client.get(f"/messages/{identity}").json()
    assert found == get_status(deps.db, identity)
    assert (found["state"], found["job_id"]) == ("accepted", "job-of-chatmitra")
    assert [attempt["status"] for attempt in found["attempts"]] == [200]
    assert {"accepted here", "claimed", "posted"} <= {line["event"] for line in found["trace"]}


def test_a_message_is_found_by_its_key(client: TestClient) -> None:
    identity = client.post(SEND, json=HELLO, headers={"Idempotency-Key": "order 7"}).json()["jobId"]
    assert client.get("/messages/order 7").json()["id"] == identity
    assert client.get("/messages", params={"reference": "order 7"}).json()["messages"][0]["id"] == identity


@pytest.mark.parametrize("key", ["INV/26-27/7", "/7", "7/cancel", "ऑर्डर ७", "Bestellung für Zoë"])
def test_a_key_may_have_slashes_and_letters_of_any_script(client: TestClient, key: str) -> None:
    sent = client.post(SEND, json=HELLO, headers={b"Idempotency-Key": key.encode()})
    identity, path = sent.json()["jobId"], f"/messages/{quote(key, safe='')}"
    assert client.get(path).json()["id"] == client.get(f"{path}/").json()["id"] == identity
    assert client.get("/messages", params={"reference": key}).json()["messages"][0]["id"] == identity
    assert client.post(f"{path}/cancel").json() == {"id": identity, "cancelled": True, "state": "cancelled"}


def test_a_header_that_is_not_in_utf_8_is_in_latin_1(client: TestClient) -> None:
    sent = client.post(SEND, json=HELLO, headers={b"Idempotency-Key": "Zoë".encode("latin-1")})
    assert client.get("/messages/Zoë").json()["id"] == sent.json()["jobId"]


@pytest.mark.parametrize("key", ["job_0", "%00", "x" * 300, "919876543210"])
def test_an_unknown_message_is_not_found_and_the_error_does_not_repeat_its_id(client: TestClient, key: str) -> None:
    answer = client.get(f"/messages/{key}")
    assert answer.status_code in (400, 404)
    assert key not in answer.text


def test_a_list_has_pages(client: TestClient, deps: Dependencies) -> None:
    ids = sorted(accept_messages(deps.db, *(reply(n) for n in range(5))), reverse=True)
    first = client.get("/messages?limit=3").json()
    assert [each["id"] for each in first["messages"]] == ids[:3]
    second = client.get("/messages", params={"limit": 3, "before": first["before"]}).json()
    assert [each["id"] for each in second["messages"]] == ids[3:]
    assert second["before"] is None


def test_a_list_has_only_messages_that_match_every_filter(client: TestClient, deps: Dependencies) -> None:
    sent = send_message(deps.db, reply(1))
    (waiting,) = accept_messages(deps.db, otp(2))

    def found(headers: dict[Any, Any] | None = None, **filters: str | list[str]) -> list[str]:
        answer = client.get("/messages", params=filters, headers=headers)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["messages"]]

    assert found(state="accepted") == [sent]
    assert set(found(state=["accepted", "waiting"])) == {sent, waiting}
    assert found(template="login_code") == [waiting]
    assert found({"Harkara-To": "98765 00001"}) == [sent]
    with deps.db.write() as tx:
        link_names(tx, "default", ("919876500001", "IN.1"))
    assert found({"Harkara-To": "IN.1"}) == [sent]
    assert found({b"Harkara-To": "९८७६५ ००००१".encode()}) == [sent]
    assert found(since="2100-01-01T00:00:00Z") == []
    assert set(found(until="2100-01-01T00:00:00+05:30")) == {sent, waiting}
    assert found(flagged="true") == []
    answer = client.get("/messages?since=2100-01-01T00:00:00+05:30&until=2100-01-02T00:00:00.5+0530")
    assert answer.json()["messages"] == [], "the + of an offset may stand as it is"


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"state": "lost"}, "state[0]: must be 'waiting', 'queued', "),
        ({"limit": "0"}, "limit: must be greater than or equal to 1"),
        ({"since": "yesterday"}, "since: must be a time in ISO 8601"),
        ({"since": "2030-01-01T00:00:00"}, "since: has no time zone"),
        ({"before": "zzz"}, "before: must be job_ and 32 hexadecimal digits"),
        ({"before": f"JOB_{'0' * 32}"}, "before: must be job_ and 32 hexadecimal digits"),
        ({"sate": "failed"}, "sate: Extra inputs are not permitted"),
        ({"reference": "a\x00b"}, "reference: String should match pattern"),
    ],
)
def test_an_invalid_filter_is_refused(client: TestClient, filters: dict[str, str], message: str) -> None:
    answer = client.get("/messages", params=filters)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)


def test_an_invalid_number_to_list_is_refused(client: TestClient) -> None:
    answer = client.get("/messages", headers={"Harkara-To": "12"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Harkara-To: ")


def test_a_message_is_cancelled_once_and_only_before_it_is_sent(client: TestClient, deps: Dependencies) -> None:
    (waiting,) = accept_messages(deps.db, reply(1))
    sent = send_message(deps.db, reply(2))
    assert client.post(f"/messages/{waiting}/cancel").json() == {"id": waiting, "cancelled": True, "state": "cancelled"}
    assert client.post(f"/messages/{waiting}/cancel").json() == {
        "id": waiting,
        "cancelled": False,
        "state": "cancelled",
    }
    assert client.post(f"/messages/{sent}/cancel").json() == {"id": sent, "cancelled": False, "state": "accepted"}
    assert client.get(f"/messages/{waiting}").json()["reason"] == "cancelled by shop"


def test_no_response_has_a_phone_number_or_a_text(client: TestClient) -> None:
    identity = client.post(SEND, json=HELLO).json()["jobId"]
    for answer in (client.get(f"/messages/{identity}"), client.get("/messages")):
        assert NUMBER not in answer.text
        assert "#12345" not in answer.text
