"""The routes of conversations: list, get, reply once, mark as read, opt out; for the token's lanes alone."""

from __future__ import annotations

from fastapi.testclient import TestClient

from harkara.gateway import Dependencies
from harkara.ledger.messages.search import list_messages
from tests.integration.gateway.fixtures import AGENCY
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook

NUMBER = "919876500001"


def test_a_customer_is_answered_once_read_and_opted_out(client: TestClient, deps: Dependencies) -> None:
    deliver_webhooks(deps.db, inbound_webhook("Is it open?", "w1", 1, profile_name="Asha आशा"))
    (found,) = client.get("/conversations").json()["conversations"]
    assert (found["number"], found["name"], found["unread"], found["last"]["text"]) == (
        NUMBER,
        "Asha आशा",
        1,
        "Is it open?",
    )
    path = f"/conversations/{found['contact']}"
    for search, number in (("98765 00001", 1), ("ash", 1), ("आशा", 1), ("Ravi", 0)):
        listed = client.get("/conversations", headers={b"Harkara-Search": search.encode()}).json()["conversations"]
        assert len(listed) == number
    key = {"Idempotency-Key": "r1"}
    answers = [client.post(f"{path}/reply", json={"text": "Yes"}, headers=key) for _ in range(2)]
    assert [each.status_code for each in answers] == [202, 202]
    assert {each.json()["jobId"] for each in answers} == {list_messages(deps.db)[0].id}
    assert client.post(f"{path}/reply", json={"text": "No"}, headers=key).status_code == 409
    chat = client.get(path).json()
    assert [each["text"] for each in chat["entries"]] == ["Is it open?"]
    assert [each["text"] for each in chat["waiting"]] == ["Yes"]
    deliver_webhooks(deps.db, inbound_webhook("Thanks", "w2", 1))
    assert client.post(f"{path}/read", json={"revision": 1}).json() == {"read": False}
    assert client.post(f"{path}/read").json() == {"read": True}
    assert client.get("/conversations", params={"unread": True}).json() == {"conversations": [], "before": None}
    assert client.post(f"{path}/opt-out", json={"proof": "By mail"}).json() == {"cancelled": 1}
    assert client.get(path).json()["conversation"]["opted_out"] == "everything"


def test_the_cursor_of_a_page_needs_no_encoding_in_a_url(client: TestClient, deps: Dependencies) -> None:
    deliver_webhooks(deps.db, *(inbound_webhook("Hello", f"w{n}", n) for n in range(3)))
    first = client.get("/conversations?limit=2").json()
    second = client.get(f"/conversations?limit=2&before={first['before']}").json()
    found = [each["number"] for page in (first, second) for each in page["conversations"]]
    assert sorted(found) == [f"9198765{n:05d}" for n in range(3)]
    contact = first["conversations"][0]["contact"]
    chat = client.get(f"/conversations/{contact}").json()
    assert client.get(f"/conversations/{contact}?before={chat['entries'][0]['at']}").json()["entries"] == []


def test_wrong_requests_and_other_lanes_are_refused(client: TestClient, deps: Dependencies) -> None:
    deliver_webhooks(deps.db, inbound_webhook("Hello", "w1", 1))
    (found,) = client.get("/conversations").json()["conversations"]
    path = f"/conversations/{found['contact']}"
    for body in ({}, {"text": "x", "kind": "visit_feedback"}, {"text": "*Sale*"}, {"kind": "unknown"}, {"to": NUMBER}):
        assert client.post(f"{path}/reply", json=body).status_code == 400
    assert client.post(f"{path}/opt-out", json={"proof": " "}).status_code == 400
    assert client.post(f"{path}/reply", json={}).json()["message"] == "text: give either text or kind"
    later = client.post(f"{path}/read", json={"revision": 10**22})
    assert (later.status_code, later.json()["message"][:27]) == (400, "revision: must be less than")
    wrong = client.get("/conversations", headers={"Harkara-Search": "12"})
    assert (wrong.status_code, wrong.json()["message"][:28]) == (400, "Harkara-Search: is too short")
    assert client.get(f"/conversations/{NUMBER}").status_code == 404
    assert client.get(path, headers=AGENCY).status_code == 404
    assert client.get("/conversations", headers=AGENCY).json()["conversations"] == []
    assert client.get("/conversations", params={"before": "x"}).status_code == 400
