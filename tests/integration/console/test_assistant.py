"""The assistant in the console: who answers, its drafts, what it would have answered, its figures and its gaps."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from harkara.assistant.knowledge.faq import parse_entry
from harkara.assistant.rules import AssistantRules
from harkara.errors import Invalid
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.proposals import find_draft
from harkara.ledger.conversations.queries import load_row
from harkara.ledger.database import Database
from harkara.ledger.messages.search import list_messages
from harkara.ledger.users.acts import list_acts
from harkara.roles import Role
from harness.ledger import open_ledger
from tests.integration.console.server import FILES, Browser, Server, console_of, serve, text_of
from tests.integration.ledger.turns import ANSWER, ASHA, DRAFTS, HAND_OVER, SHADOW, answer, answers_of, wrote

OTHER = "919812345678"
RULES = DRAFTS.model_copy(update={"give_back": AssistantRules.model_validate({"give-back": "7m"}).give_back})


@pytest.fixture
def assisted(tmp_path: Path) -> Iterator[tuple[Server, Browser]]:
    """A console whose assistant writes drafts, with an operator."""
    files = replace(FILES, assistant=RULES)
    with (
        open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}", connections=10) as db,
        serve(console_of(db, files=lambda: files)) as server,
    ):
        yield server, server.user("Meera", Role.OPERATOR)


def path_of(db: Database) -> str:
    return f"/conversations/{find_participant(db, ASHA).id}"


def minutes_held(db: Database) -> float | None:
    with db.read() as tx:
        row = load_row(tx, find_participant(db, ASHA))
    assert row
    return (row["mode_until"] - row["mode_since"]) / timedelta(minutes=1) if row["mode_until"] else None


def drafted(db: Database, words: str = "When do you open?") -> str:
    """Let a customer write and the assistant draft an answer; return the id of the draft."""
    wrote(db, words, rules=RULES)
    answer(db, ANSWER, RULES)
    found = find_draft(db, find_participant(db, ASHA))
    assert found
    return found.id


def test_a_draft_is_edited_and_sent_once(assisted: tuple[Server, Browser]) -> None:
    server, operator = assisted
    db = server.console.db
    draft = drafted(db)
    assert "draft" in text_of(operator.see("/conversations"))
    page = operator.see(path_of(db))
    assert "The assistant writes drafts here, and a person decides about each." in text_of(page)
    assert f'name="draft" value="{draft}"' in page.text
    refused = operator.submit(f"{path_of(db)}/draft/send", draft=draft, text="*Sale*")
    assert (refused.status_code, ">*Sale*</textarea>" in refused.text) == (400, True)
    sent = operator.submit(f"{path_of(db)}/draft/send", draft=draft, text="We open at ten.")
    assert sent.headers["location"].endswith("?done=turn.approved")
    again = operator.submit(f"{path_of(db)}/draft/send", draft=draft, text="We open at ten.")
    assert (again.status_code, "no longer waits" in text_of(again)) == (409, True)
    (one,) = list_messages(db)
    assert (one.category, len(answers_of(db))) == ("reply", 1)
    assert "We open at ten." in answers_of(db)[0]["body"]
    assert [each.act for each in list_acts(db, name="Meera")][:1] == ["turn.approved"]


def test_a_draft_for_an_older_message_is_refused_and_the_new_one_is_offered(assisted: tuple[Server, Browser]) -> None:
    server, operator = assisted
    db = server.console.db
    old = drafted(db)
    polled = operator.see(f"{path_of(db)}?draft={old}")
    assert "There is a new draft" not in text_of(polled)
    new = drafted(db, "On Sunday?")
    polled = operator.see(f"{path_of(db)}?draft={old}")
    assert "There is a new draft of the assistant." in text_of(polled)
    assert f"?draft={old}" in polled.text, "the page goes on to ask about the draft that it shows"
    refused = operator.submit(f"{path_of(db)}/draft/send", draft=old, text="We open at ten.")
    assert refused.status_code == 409
    assert "the conversation has moved on since this draft was written: it was not sent" in text_of(refused)
    assert f'name="draft" value="{new}"' in refused.text
    assert ">We open at ten.</textarea>" in refused.text, "what was typed is offered as a reply"
    assert answers_of(db) == []


def test_a_discarded_draft_is_gone(assisted: tuple[Server, Browser]) -> None:
    server, operator = assisted
    db = server.console.db
    draft = drafted(db)
    done = operator.submit(f"{path_of(db)}/draft/discard", draft=draft)
    assert done.headers["location"].endswith("?done=turn.discarded")
    assert "Draft of the assistant" not in text_of(operator.see(path_of(db)))
    assert operator.submit(f"{path_of(db)}/draft/discard", draft=draft).status_code == 409
    assert operator.submit(f"{path_of(db)}/draft/discard", draft="turn_none").status_code == 404


def test_a_conversation_is_assigned_given_back_and_switched_off(assisted: tuple[Server, Browser]) -> None:
    server, operator = assisted
    db = server.console.db
    draft = drafted(db)
    for act, said in (
        ("assign", "A person answers here until"),
        ("off", "A person alone answers here"),
        ("give-back", "The assistant writes drafts here"),
    ):
        assert operator.submit(f"{path_of(db)}/{act}").status_code == 303
        assert said in text_of(operator.see(path_of(db)))
        assert minutes_held(db) == (7 if act == "assign" else None)
    operator.submit(f"{path_of(db)}/reply", reference="r1", text="At ten")
    assert minutes_held(db) == 7
    acts = [each.act for each in list_acts(db, name="Meera")][1:4]
    assert acts == ["conversation.given-back", "conversation.switched-off", "conversation.assigned"]
    assert operator.submit(f"{path_of(db)}/draft/send", draft=draft, text="Hello").status_code == 409
    other = server.user("Ravi", Role.OPERATOR, ("shop",))
    for act in ("assign", "off", "give-back", "draft/send", "draft/discard"):
        assert other.submit(f"{path_of(db)}/{act}", draft=draft, text="x").status_code == 404


def test_a_hand_over_says_why_with_a_summary_and_numbers_are_masked(assisted: tuple[Server, Browser]) -> None:
    server, operator = assisted
    db = server.console.db
    live = RULES.model_copy(update={"mode": "live"})
    wrote(db, "AGENT", rules=live)
    answer(db, replace(HAND_OVER, summary=f"Order 17 of {ASHA}"), live)
    page = text_of(operator.see(path_of(db)))
    assert "Why: the customer asks for a person. Order 17 of 919876500001" in page
    viewer = server.user("Vikram")
    seen = viewer.see(path_of(db))
    assert ASHA not in seen.text
    assert "Order 17" in text_of(seen)
    assert 'action="/console/conversations' not in seen.text


def test_what_the_assistant_would_have_answered_is_beside_what_the_person_wrote(
    assisted: tuple[Server, Browser],
) -> None:
    server, operator = assisted
    db = server.console.db
    wrote(db, "When do you open?", rules=SHADOW)
    answer(db, ANSWER, SHADOW)
    operator.submit(f"{path_of(db)}/reply", reference="r1", text="At ten")
    page = text_of(operator.see(path_of(db)))
    asked, proposed, replied = (page.index(each) for each in ("When do you", "would have answered", "At ten"))
    assert asked < proposed < replied
    assert page.index("We open at nine.") > proposed
    assert [each["body"] for each in answers_of(db)] == []


def test_a_lane_without_the_assistant_shows_nothing_of_it(running: Server, operator: Browser) -> None:
    db = running.console.db
    wrote(db, "Hello", rules=AssistantRules())
    page = operator.see(path_of(db))
    assert "assistant" not in text_of(page)


def test_the_page_has_the_rollout_the_figures_and_the_drafts_that_wait(assisted: tuple[Server, Browser]) -> None:
    server, operator = assisted
    db = server.console.db
    assert "has had no turn" in text_of(operator.see("/assistant"))
    drafted(db)
    operator.submit(f"{path_of(db)}/draft/discard", draft=drafted(db, "On Sunday?"))
    waits = drafted(db, "On Monday?")
    live = RULES.model_copy(update={"mode": "live"})
    wrote(db, "AGENT", rules=live, n=2)
    answer(db, HAND_OVER, live)
    page = text_of(operator.see("/assistant"))
    assert "It writes drafts. A person decides about each" in page
    assert "Drafts that wait (1) +919876500001" in page
    for figure in ("turns 4", "conversations 2", "given to a person 1", "the customer asks for a person 1 100%"):
        assert figure in page
    assert "discarded 1 33%" in page
    assert "overtaken by the customer or a person 1 33%" in page
    assert "waiting 1 33%" in page
    viewer = server.user("Vikram")
    assert ASHA not in viewer.see("/assistant").text
    other = server.user("Ravi", Role.OPERATOR, ("shop",))
    for path in ("/assistant", "/assistant?days=30"):
        assert waits not in other.see(path).text
        assert "has had no turn" in text_of(other.see(path))
    assert operator.see("/assistant?days=9999").status_code == 400


def test_a_gap_has_an_entry_that_the_faq_accepts_once_it_has_an_answer(assisted: tuple[Server, Browser]) -> None:
    server, operator = assisted
    db = server.console.db
    assert "There is none in this period." in text_of(operator.see("/assistant/gaps"))
    live = RULES.model_copy(update={"mode": "live"})
    for n in (1, 2):
        wrote(db, f"Is there wifi for {OTHER}? {n}", rules=live, n=n)
        answer(db, replace(HAND_OVER, hand_over="unknown"), live)
    for user in (operator, server.user("Vikram")):
        page = user.see("/assistant/gaps")
        assert OTHER not in page.text
        assert "asked 2 ×" in text_of(page)
    shown = re.search(r"<textarea[^>]*>([^<]*)</textarea>", operator.see("/assistant/gaps").text)
    assert shown
    (entry,) = tomllib.loads(unescape(shown[1]))["entry"]
    assert entry["id"] == "is-there-wifi-for"
    with pytest.raises(Invalid):
        parse_entry(entry)
    assert parse_entry(entry | {"answer": "Yes, the word is coffee."}).questions[0].startswith("Is there wifi")
