"""`harkara conversation`: list, show, reply, read, and who answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from harkara.ledger.database import Database
from harkara.ledger.messages.search import list_messages
from harkara.ledger.tables import conversation
from harkara.ledger.users.acts import list_acts
from tests.integration.command.deployment import Harkara
from tests.integration.ledger.turns import ANSWER, DRAFTS, answer, answers_of, wrote
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    rules = tmp_path / "assistant.toml"
    rules.write_text('lanes = ["default"]\nmode = "drafts"\n')
    return environment | {"HARKARA_ASSISTANT_FILE": str(rules)}


def test_a_customer_is_shown_answered_once_and_read(harkara: Harkara, ledger: Database) -> None:
    assert harkara("conversation", "list").stdout == "No conversations.\n"
    deliver_webhooks(ledger, inbound_webhook("Is it open?", "w1", 1))
    (found,) = json.loads(harkara("conversation", "list", "--unread", "--json").stdout)["conversations"]
    assert (found["number"], found["unread"]) == ("919876500001", 1)
    assert "Is it open?" in harkara("conversation", "list").stdout
    shown = harkara("conversation", "show", "98765 00001").stdout
    assert "customer  Is it open?" in shown
    words = ("conversation", "reply", "9876500001", "Yes", "--reference", "r1", "--by", "Asha")
    assert [harkara(*words).exit_code for _ in range(2)] == [0, 0]
    assert len(list_messages(ledger)) == 1
    assert harkara("conversation", "read", "9876500001").stdout == "Nothing was unread.\n"
    assert [each.act for each in list_acts(ledger, name="Asha")] == ["conversation.replied"]
    assert harkara("conversation", "show", "9876599999").exit_code == 3
    assert harkara("conversation", "reply", "9876500001").exit_code == 4


def test_a_person_the_assistant_or_neither_of_them_answers(harkara: Harkara, ledger: Database) -> None:
    deliver_webhooks(ledger, inbound_webhook("Is it open?", n=1))
    number, modes = "9876500001", []
    for verb in ("assign", "off", "give-back"):
        harkara("conversation", verb, number, "--by", "Asha")
        with ledger.read() as tx:
            modes.append(tx.execute(select(conversation.c.mode)).scalar_one())
    assert modes == ["person", "off", "assistant"]
    acts = [each.act for each in list_acts(ledger)]
    assert acts == [
        "conversation.given-back",
        "conversation.switched-off",
        "conversation.assigned",
    ]
    assert harkara("conversation", "assign", "9876599999").exit_code == 3


def test_a_draft_is_shown_sent_with_own_words_and_discarded(harkara: Harkara, ledger: Database) -> None:
    number = "9876500001"
    wrote(ledger, "When do you open?", rules=DRAFTS)
    assert harkara("conversation", "draft", number).exit_code == 3
    answer(ledger, ANSWER, DRAFTS)
    assert harkara("conversation", "draft", number).stdout == "We open at nine.\nShall I book?\n"
    assert harkara("conversation", "send-draft", number, "--text", "At ten.", "--by", "Asha").exit_code == 0
    assert "At ten." in answers_of(ledger)[0]["body"]
    assert harkara("conversation", "send-draft", number).exit_code == 3
    wrote(ledger, "On Sunday?", rules=DRAFTS)
    answer(ledger, ANSWER, DRAFTS)
    assert harkara("conversation", "discard-draft", number, "--by", "Asha").exit_code == 0
    assert [each.act for each in list_acts(ledger, name="Asha")] == ["turn.discarded", "turn.approved"]
    shown = json.loads(harkara("assistant", "report", "--json").stdout)
    assert shown["drafts"] == {"edited": 1, "discarded": 1}
    assert "drafts" in harkara("assistant", "report").stdout
