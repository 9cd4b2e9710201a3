"""The routes that explain messages and act on all that fit the filters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from harkara.gateway import Dependencies, create_app
from harkara.ledger.campaigns.queries import list_campaigns
from harkara.ledger.users.acts import list_acts
from harkara.limits import Allowance
from tests.integration.gateway.fixtures import AGENCY, SHOP
from tests.integration.ledger.campaigns import load_campaign
from tests.integration.ledger.occasions import reminder_rows, save, visit
from tests.integration.ledger.steps import LOST, accept_messages, otp, reply, send_message, states_of


def test_an_act_is_done_on_the_set_of_its_preview(client: TestClient, deps: Dependencies) -> None:
    ids = accept_messages(deps.db, reply(1), reply(2))
    (code,) = accept_messages(deps.db, otp(3))
    wanted = {"act": "cancel", "state": ["waiting"], "to": "98765 00001"}
    shown = client.post("/messages/preview", json=wanted).json()
    assert (shown["act"], shown["count"], shown["lanes"], shown["delay_seconds"]) == ("cancel", 1, {"default": 1}, 0)
    assert [each["id"] for each in shown["examples"]] == [ids[0]]
    answer = client.post("/messages/act", json=wanted | {"token": shown["token"]})
    assert answer.json() == {"act": "cancel", "done": 1, "left": 0, "total": 1}
    assert states_of(deps.db, [*ids, code]) == ["cancelled", "waiting", "waiting"]
    (entry,) = list_acts(deps.db)
    assert (entry.name, entry.source, entry.act, entry.number) == ("shop", "api", "messages.cancelled", 1)
    assert "state waiting, to " in (entry.filter or "")
    assert "9876500001" not in (entry.filter or "")
    again = client.post("/messages/act", json=wanted | {"token": shown["token"]})
    assert again.status_code == 409
    assert again.json()["message"].startswith("nothing was done, since the set has changed: 0 messages fit now")


def test_a_preview_of_a_resend_says_how_long_others_wait(deps: Dependencies) -> None:
    send_message(deps.db, reply(1), LOST)
    limited = replace(deps, allowances={"default": Allowance(20, 60)})
    with TestClient(create_app(limited), headers=SHOP) as client:
        shown = client.post("/messages/preview", json={"act": "resend", "code": "read-timeout"}).json()
    assert (shown["count"], shown["delay_seconds"]) == (1, 3.0)


def test_an_act_reaches_only_the_lanes_of_the_token(client: TestClient, deps: Dependencies) -> None:
    accept_messages(deps.db, reply(1))
    wanted = {"act": "cancel", "state": ["waiting"]}
    assert client.post("/messages/preview", json=wanted, headers=AGENCY).json()["count"] == 0
    elsewhere = client.post("/messages/preview", json=wanted | {"lane": "default"}, headers=AGENCY)
    assert elsewhere.json()["count"] == 0


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"act": "cancel"}, 400, "filter: is empty, so it would concern every message"),
        ({"act": "erase", "state": ["failed"]}, 400, "act: must be"),
        ({"state": ["failed"]}, 400, "act: is missing"),
        ({"act": "cancel", "to": "12"}, 400, "to: "),
        ({"act": "cancel", "occasion": "visit"}, 400, "occasion: must be its kind"),
        ({"act": "cancel", "campaign": "none"}, 404, "no campaign has this id or name"),
        ({"act": "cancel", "sate": "failed"}, 400, "sate: "),
    ],
)
def test_a_wrong_act_is_refused_with_a_sentence(
    client: TestClient, body: dict[str, Any], status: int, message: str
) -> None:
    answer = client.post("/messages/preview", json=body)
    assert (answer.status_code, answer.json()["message"][: len(message)]) == (status, message)


def test_a_list_counts_and_explains_what_matches(client: TestClient, deps: Dependencies) -> None:
    send_message(deps.db, reply(1), LOST)
    send_message(deps.db, reply(2))
    plain = client.get("/messages").json()
    assert (plain["count"], plain["groups"]) == (None, None)
    page = client.get("/messages", params={"count": "true", "why": "true"}).json()
    assert (page["count"], page["count_is_exact"], len(page["messages"])) == (2, True, 2)
    (group,) = page["groups"]
    assert (group["state"], group["code"], group["number"]) == ("uncertain", "read-timeout", 1)
    assert group["sentence"].startswith("1 uncertain, answer lost ")
    assert group["command"].startswith("harkara resolve --state uncertain")


def test_a_list_finds_campaigns_occasions_and_job_ids(client: TestClient, deps: Dependencies) -> None:
    sent = send_message(deps.db, reply(1))
    save(deps.db, visit("visit/7"))
    load_campaign(deps.db)
    (campaign,) = list_campaigns(deps.db)

    def found(**filters: str) -> set[str]:
        return {each["id"] for each in client.get("/messages", params=filters).json()["messages"]}

    assert found(id="job-of-chatmitra") == found(id=sent) == {sent}
    assert found(occasion="appointment/visit/7") == {each["id"] for each in reminder_rows(deps.db)}
    assert len(found(campaign="sale")) == len(found(campaign=campaign.id)) == 4
    assert found(occasion="appointment/visit/8") == set()


def test_a_message_says_what_happens_next_and_when(client: TestClient, deps: Dependencies) -> None:
    (waiting,) = accept_messages(deps.db, reply(1, at="2100-01-01T00:00:00Z"))
    shown = client.get(f"/messages/{waiting}").json()
    assert shown["next"].startswith("It is sent when it is due")
    assert shown["next_at"] == "2100-01-01T00:00:00.000+00:00"
    assert [line["sentence"] for line in shown["trace"]] == ["Handed over and stored."]
    assert client.get(f"/messages/{send_message(deps.db, reply(2))}").json()["next"] is None
