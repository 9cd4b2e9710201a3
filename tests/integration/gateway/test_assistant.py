"""The routes of the assistant: who answers, drafts, turns, figures and gaps; for the token's lanes alone."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from harkara.gateway import create_app
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.database import Database
from harkara.ledger.users.acts import list_acts
from tests.integration.gateway.fixtures import AGENCY, SHOP, dependencies_of
from tests.integration.ledger.turns import ANSWER, ASHA, DRAFTS, HAND_OVER, SHADOW, answer, answers_of, wrote


@pytest.fixture
def client(db: Database) -> Iterator[TestClient]:
    with TestClient(create_app(dependencies_of(db, assistant=lambda: DRAFTS)), headers=SHOP) as client:
        yield client


def path_of(db: Database) -> str:
    return f"/conversations/{find_participant(db, ASHA).id}"


def test_a_draft_is_found_edited_and_sent_once(client: TestClient, db: Database) -> None:
    wrote(db, "When do you open?", rules=DRAFTS)
    answer(db, ANSWER, DRAFTS)
    (waiting,) = client.get("/assistant/drafts").json()["drafts"]
    path, draft = path_of(db), waiting["draft"]["id"]
    assert (waiting["number"], waiting["draft"]["texts"]) == (ASHA, list(ANSWER.texts))
    assert client.get(path).json()["conversation"]["draft"] == draft
    for texts in ([], ["*Sale*"], ["a", "b", "c", "d"], "x"):
        assert client.post(f"{path}/drafts/{draft}/send", json={"texts": texts}).status_code == 400
    assert client.post(f"{path}/drafts/{draft}/send", headers=AGENCY).status_code == 404
    assert client.post(f"{path}/drafts/turn_none/send").status_code == 404
    assert client.post(f"{path}/drafts/{draft}/send", json={"texts": ["At ten."]}).json() == {"decided": True}
    assert "At ten." in answers_of(db)[0]["body"]
    for act in ("send", "discard"):
        assert client.post(f"{path}/drafts/{draft}/{act}").status_code == 409
    (turn,) = client.get(f"{path}/turns").json()["turns"]
    assert (turn["decision"], turn["decided_by"], turn["message"]) == ("edited", "shop", answers_of(db)[0]["id"])
    assert client.get("/assistant/drafts").json() == {"drafts": []}


def test_a_draft_for_an_older_message_is_refused(client: TestClient, db: Database) -> None:
    for words in ("When do you open?", "On Sunday?"):
        wrote(db, words, rules=DRAFTS)
        answer(db, ANSWER, DRAFTS)
    path = path_of(db)
    old, new = (each["id"] for each in client.get(f"{path}/turns").json()["turns"])
    refused = client.post(f"{path}/drafts/{old}/send")
    assert refused.status_code == 409
    assert "has moved on since this draft was written: it was not sent" in refused.json()["message"]
    assert client.get(path).json()["conversation"]["draft"] == new
    assert client.post(f"{path}/drafts/{new}/discard").json() == {"decided": True}
    assert answers_of(db) == []


def test_a_conversation_is_assigned_switched_off_and_given_back(client: TestClient, db: Database) -> None:
    wrote(db, "Hello", rules=DRAFTS)
    path = path_of(db)
    for act, mode in (("assign", "person"), ("off", "off"), ("give-back", "assistant")):
        assert client.post(f"{path}/{act}").json() == {"mode": mode}
        shown = client.get(path).json()["conversation"]
        assert (shown["mode"], shown["mode_until"] is not None) == (mode, mode == "person")
        assert client.post(f"{path}/{act}", headers=AGENCY).status_code == 404
    assert [each.name for each in list_acts(db)] == ["shop"] * 3


def test_the_rollout_the_figures_and_the_gaps(client: TestClient, db: Database) -> None:
    wrote(db, "Is there wifi?", rules=SHADOW)
    answer(db, replace(HAND_OVER, hand_over="unknown", price=250_000), SHADOW)
    found = client.get("/assistant").json()
    assert found["rollout"] == {
        "lanes": ["default"],
        "mode": "drafts",
        "share": 1.0,
        "only": 0,
        "give_back_seconds": 1800,
        "model": None,
    }
    report = found["report"]
    assert (report["turns"], report["shadow_handed_over"], report["spent"]) == (1, 1, "0.250000")
    (gap,) = client.get("/assistant/gaps").json()["gaps"]
    assert (gap["question"], gap["times"]) == ("Is there wifi?", 1)
    assert tomllib.loads(gap["entry"])["entry"][0]["id"] == "is-there-wifi"
    other = client.get("/assistant", headers=AGENCY).json()
    assert (other["rollout"]["lanes"], other["report"]["turns"]) == ([], 0)
    assert client.get("/assistant/gaps", headers=AGENCY).json() == {"gaps": [], "erased": 0}
