"""What became of messages, by HTTP: one with its trace, pages of many, and a cancel."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from harkara.gateway import Behind
from harkara.ledger.messages.queries import get_status
from tests.integration.gateway.house import HELLO, NUMBER, SEND
from tests.integration.ledger.steps import accept_messages, otp, reply, send_message


def test_a_message_shows_where_it_stands_and_all_that_happened(web: TestClient, behind: Behind) -> None:
    identity = send_message(behind.db, reply(reference="order/7"))
    found = web.get(f"/messages/{identity}").json()
    assert found == get_status(behind.db, identity)
    assert (found["state"], found["job_id"]) == ("accepted", "job-of-chatmitra")
    assert [attempt["status"] for attempt in found["attempts"]] == [200]
    assert {"accepted here", "claimed", "posted"} <= {line["event"] for line in found["trace"]}


def test_its_key_finds_a_message_too(web: TestClient) -> None:
    identity = web.post(SEND, json=HELLO, headers={"Idempotency-Key": "order 7"}).json()["jobId"]
    assert web.get("/messages/order 7").json()["id"] == identity
    assert web.get("/messages", params={"reference": "order 7"}).json()["messages"][0]["id"] == identity


@pytest.mark.parametrize("key", ["job_0", "%00", "x" * 300, "919876543210"])
def test_an_unknown_message_is_not_found_and_its_name_not_repeated(web: TestClient, key: str) -> None:
    answer = web.get(f"/messages/{key}")
    assert answer.status_code in (400, 404)
    assert key not in answer.text


def test_a_list_is_read_page_by_page(web: TestClient, behind: Behind) -> None:
    ids = sorted(accept_messages(behind.db, *(reply(n) for n in range(5))), reverse=True)
    first = web.get("/messages?limit=3").json()
    assert [each["id"] for each in first["messages"]] == ids[:3]
    second = web.get("/messages", params={"limit": 3, "before": first["before"]}).json()
    assert [each["id"] for each in second["messages"]] == ids[3:]
    assert second["before"] is None


def test_filters_narrow_a_list(web: TestClient, behind: Behind) -> None:
    sent = send_message(behind.db, reply(1))
    (waiting,) = accept_messages(behind.db, otp(2))

    def found(headers: dict[str, str] | None = None, **filters: str | list[str]) -> list[str]:
        answer = web.get("/messages", params=filters, headers=headers)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["messages"]]

    assert found(state="accepted") == [sent]
    assert set(found(state=["accepted", "waiting"])) == {sent, waiting}
    assert found(template="login_code") == [waiting]
    assert found({"Harkara-To": "98765 00001"}) == [sent]
    assert found(since="2100-01-01T00:00:00Z") == []
    assert set(found(until="2100-01-01T00:00:00+05:30")) == {sent, waiting}
    assert found(flagged="true") == []


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"state": "lost"}, "state[0]: must be 'waiting', 'queued', "),
        ({"limit": "0"}, "limit: must be greater than or equal to 1"),
        ({"since": "yesterday"}, "since: must be a time in ISO 8601"),
        ({"since": "2030-01-01T00:00:00"}, "since: has no time zone"),
        ({"sate": "failed"}, "sate: Extra inputs are not permitted"),
        ({"reference": "a\x00b"}, "reference: String should match pattern"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(web: TestClient, filters: dict[str, str], message: str) -> None:
    answer = web.get("/messages", params=filters)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)


def test_a_wrong_number_to_look_for_is_refused(web: TestClient) -> None:
    answer = web.get("/messages", headers={"Harkara-To": "12"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Harkara-To: ")


def test_a_message_is_cancelled_once_and_only_before_it_left(web: TestClient, behind: Behind) -> None:
    (waiting,) = accept_messages(behind.db, reply(1))
    gone = send_message(behind.db, reply(2))
    assert web.post(f"/messages/{waiting}/cancel").json() == {"id": waiting, "cancelled": True, "state": "cancelled"}
    assert web.post(f"/messages/{waiting}/cancel").json() == {"id": waiting, "cancelled": False, "state": "cancelled"}
    assert web.post(f"/messages/{gone}/cancel").json() == {"id": gone, "cancelled": False, "state": "accepted"}
    assert web.get(f"/messages/{waiting}").json()["reason"] == "cancelled by shop"


def test_numbers_and_texts_do_not_come_back(web: TestClient) -> None:
    identity = web.post(SEND, json=HELLO).json()["jobId"]
    for answer in (web.get(f"/messages/{identity}"), web.get("/messages")):
        assert NUMBER not in answer.text
        assert "#12345" not in answer.text
