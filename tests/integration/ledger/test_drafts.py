"""A draft of the assistant waits for a person: sent as it is or edited, discarded, or dropped with the next message."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from harkara.chatmitra.webhooks import parse
from harkara.conversation import ProposedAnswer
from harkara.errors import Conflict, Invalid, NotFound
from harkara.ledger import migrate
from harkara.ledger.conversations.chat import get_chat
from harkara.ledger.conversations.drafts import discard_draft, send_draft
from harkara.ledger.conversations.modes import assign_to_person
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.proposals import find_draft, list_drafts, list_proposals
from harkara.ledger.conversations.queries import list_conversations
from harkara.ledger.conversations.report import get_report
from harkara.ledger.conversations.turns import HANDED_OVER_CALLBACK
from harkara.ledger.database import Database
from harkara.ledger.tables import callback, contact, turn
from harkara.ledger.users.acts import list_acts
from tests.integration.ledger.test_search_plans import explained
from tests.integration.ledger.turns import (
    ANSWER,
    ASHA,
    BY,
    DRAFTS,
    HAND_OVER,
    LIMITS,
    SHADOW,
    answer,
    answers_of,
    at_the_gate,
    replied,
    row_of,
    turns_of,
    wrote,
)

MOVES: dict[str, Callable[[Database], Any]] = {
    "customer": lambda db: wrote(db, "One more thing", rules=DRAFTS),
    "stop": lambda db: wrote(db, "STOP", rules=DRAFTS),
    "assign": lambda db: assign_to_person(db, find_participant(db, ASHA), by=BY),
}


def called_back(db: Database) -> list[str]:
    """Return why the application was notified of hand-overs."""
    with db.read() as tx:
        found = tx.execute(select(callback.c.data).where(callback.c.kind == HANDED_OVER_CALLBACK)).scalars()
        return [json.loads(data)["cause"] for data in found]


def draft(db: Database) -> ProposedAnswer:
    found = find_draft(db, find_participant(db, ASHA))
    assert found
    return found


def texts_of(db: Database) -> list[str]:
    body = json.loads(answers_of(db)[-1]["body"])
    return [body["message"]] if "message" in body else [each["payload"]["text"]["body"] for each in body["messages"]]


def drafted(db: Database, *words: str) -> ProposedAnswer:
    wrote(db, *(words or ("When do you open?",)), rules=DRAFTS)
    answer(db, ANSWER, DRAFTS)
    return draft(db)


def test_a_draft_is_sent_once_as_it_is(db: Database) -> None:
    one = drafted(db)
    assert one.texts == ANSWER.texts
    send_draft(db, one.id, DRAFTS, LIMITS, by=BY)
    assert (texts_of(db), at_the_gate(db, DRAFTS)) == (list(ANSWER.texts), "passes")
    assert (turns_of(db)[0]["decision"], turns_of(db)[0]["decided_by"]) == ("unchanged", "Meera")
    assert [(each.act, each.filter) for each in list_acts(db)] == [("turn.approved", "unchanged")]
    for again in (
        lambda: send_draft(db, one.id, DRAFTS, LIMITS, by=BY),
        lambda: discard_draft(db, one.id, by=BY),
    ):
        with pytest.raises(Conflict, match="no longer waits"):
            again()
    assert row_of(db)["mode"] == "assistant"
    assert len(answers_of(db)) == 1


def test_an_edited_draft_is_sent_with_the_words_of_the_person(db: Database) -> None:
    one = drafted(db)
    send_draft(db, one.id, DRAFTS, LIMITS, by=BY, texts=["We open at ten."])
    assert texts_of(db) == ["We open at ten."]
    (found,) = list_proposals(db, find_participant(db, ASHA))
    assert (found.decision, found.texts, found.message) == ("edited", ANSWER.texts, answers_of(db)[0]["id"])


@pytest.mark.parametrize("texts", [[], [""], ["a", "b", "c", "d"], ["*Sale*"]])
def test_words_that_whatsapp_would_refuse_leave_the_draft_as_it_is(db: Database, texts: list[str]) -> None:
    one = drafted(db)
    with pytest.raises(Invalid):
        send_draft(db, one.id, DRAFTS, LIMITS, by=BY, texts=texts)
    assert draft(db).id == one.id
    assert answers_of(db) == []


def test_a_discarded_draft_is_never_sent(db: Database) -> None:
    one = drafted(db)
    discard_draft(db, one.id, by=BY)
    assert find_draft(db, find_participant(db, ASHA)) is None
    assert list_drafts(db, ["default"]) == []
    assert [each.act for each in list_acts(db)] == ["turn.discarded"]
    with pytest.raises(Conflict):
        send_draft(db, one.id, DRAFTS, LIMITS, by=BY)
    assert answers_of(db) == []


@pytest.mark.parametrize("move", MOVES)
def test_a_draft_of_an_older_revision_is_refused(db: Database, move: str) -> None:
    one = drafted(db)
    MOVES[move](db)
    assert find_draft(db, find_participant(db, ASHA)) is None
    assert (turns_of(db)[0]["outcome"], turns_of(db)[0]["decision"]) == ("superseded", "dropped")
    assert get_report(db, ["default"], days=1).drafts == {"dropped": 1}
    assert send_draft(db, one.id, DRAFTS, LIMITS, by=BY).outcome == "superseded"
    with pytest.raises(Conflict, match="no longer waits"):
        discard_draft(db, one.id, by=BY)
    assert answers_of(db) == []
    assert {each.act for each in list_acts(db)} <= {"conversation.assigned"}


def test_the_new_draft_replaces_the_old_one(db: Database) -> None:
    old = drafted(db)
    new = drafted(db, "On Sunday?")
    assert new.revision > old.revision
    assert [each.draft.id for each in list_drafts(db, ["default", "north"])] == [new.id]
    assert get_chat(db, find_participant(db, ASHA), parse).conversation.draft == new.id
    assert [each.draft for each in list_conversations(db, ["default"], parse)] == [new.id]


def test_a_draft_that_hands_over_gives_the_conversation_to_a_person_when_it_is_sent(db: Database) -> None:
    wrote(db, "AGENT", rules=DRAFTS)
    answer(db, replace(HAND_OVER, hand_over="unknown"), DRAFTS)
    assert row_of(db)["mode"] == "assistant"
    assert (draft(db).hand_over, draft(db).summary) == ("unknown", "Order 17")
    assert send_draft(db, draft(db).id, DRAFTS, LIMITS, by=BY).outcome == "handed-over"
    shown = get_chat(db, find_participant(db, ASHA), parse).conversation
    assert (shown.mode, shown.mode_cause, shown.mode_until) == ("person", "handed-over", None)
    assert at_the_gate(db, DRAFTS) == "passes"


@pytest.mark.parametrize("cause", ["asked", "anger", "repeated", "robot"])
def test_who_needs_a_person_has_one_at_once_and_the_words_wait(callback_db: Database, cause: Any) -> None:
    db = callback_db
    wrote(db, "AGENT", rules=DRAFTS)
    assert answer(db, replace(HAND_OVER, hand_over=cause), DRAFTS).outcome == "draft"
    shown = get_chat(db, find_participant(db, ASHA), parse).conversation
    assert (shown.mode, shown.mode_cause, shown.mode_until) == ("person", "handed-over", None)
    assert (called_back(db), answers_of(db)) == ([cause], [])
    one = draft(db)
    assert [each.draft.id for each in list_drafts(db, ["default"])] == [one.id]
    assert send_draft(db, one.id, DRAFTS, LIMITS, by=BY).outcome == "handed-over"
    assert (at_the_gate(db, DRAFTS), called_back(db)) == ("passes", [cause])
    assert (row_of(db)["mode"], row_of(db)["unanswered"], row_of(db)["revision"]) == ("person", 1, one.revision)


def test_the_words_of_a_hand_over_are_dropped_when_a_person_writes(db: Database) -> None:
    wrote(db, "AGENT", rules=DRAFTS)
    answer(db, HAND_OVER, DRAFTS)
    one = draft(db)
    replied(db)
    assert find_draft(db, find_participant(db, ASHA)) is None
    assert send_draft(db, one.id, DRAFTS, LIMITS, by=BY).outcome == "superseded"


def test_a_draft_is_refused_where_the_gate_would_drop_it(db: Database) -> None:
    one = drafted(db)
    nowhere = DRAFTS.model_copy(update={"share": 0.0})
    for rules in (SHADOW, nowhere):
        with pytest.raises(Conflict, match="does not answer this person"):
            send_draft(db, one.id, rules, LIMITS, by=BY)
    with db.write() as tx:
        tx.execute(update(contact).values(wrote_at=tx.now - timedelta(hours=30)))
    with pytest.raises(Conflict, match="window is closed"):
        send_draft(db, one.id, DRAFTS, LIMITS, by=BY)
    assert draft(db).id == one.id


def test_a_draft_of_another_person_or_without_text_is_refused(db: Database) -> None:
    one = drafted(db)
    wrote(db, "Hello", n=2)
    with pytest.raises(NotFound):
        send_draft(db, one.id, DRAFTS, LIMITS, by=BY, of=find_participant(db, "919876500002"))
    with pytest.raises(NotFound):
        discard_draft(db, "turn_none", by=BY)
    with db.write() as tx:
        tx.execute(update(turn).values(content=None))
    assert list_drafts(db, ["default"]) == []
    with pytest.raises(Conflict, match="erased"):
        send_draft(db, one.id, DRAFTS, LIMITS, by=BY)


def test_a_person_whose_time_is_over_answers_no_more(db: Database) -> None:
    wrote(db, "Hello")
    assign_to_person(db, find_participant(db, ASHA), by=BY, hold=timedelta(seconds=-1))
    shown = get_chat(db, find_participant(db, ASHA), parse).conversation
    assert (shown.mode, shown.mode_until) == ("assistant", None)


def test_the_turns_of_a_chat_are_those_between_two_moments(db: Database) -> None:
    for n, words in enumerate(("One", "Two", "Three")):
        wrote(db, words, rules=SHADOW)
        answer(db, replace(ANSWER, texts=(f"Answer {n}",)), SHADOW)
    person = find_participant(db, ASHA)
    first, second, _ = list_proposals(db, person)
    assert [each.texts[0] for each in list_proposals(db, person, since=second.at)] == ["Answer 1", "Answer 2"]
    assert list_proposals(db, person, before=second.at) == [first]
    assert [each.texts[0] for each in list_proposals(db, person, limit=1)] == ["Answer 2"]


def test_drafts_are_found_by_indexes(db: Database) -> None:
    one = drafted(db)
    with db.write() as tx:
        row = turns_of(db)[0]
        copies = [row | {"id": f"turn_0{n}", "person": f"person_{n}", "revision": n} for n in range(5000)]
        tx.execute(insert(turn), copies)
        tx.execute(text("ANALYZE turn"))
    person = find_participant(db, ASHA)
    with explained(db) as plans:
        assert draft(db).id == one.id
        assert get_report(db, ["default", "north"], days=7, limit=400).exact is False
        list_proposals(db, person)
        list_conversations(db, ["default"], parse)
        get_chat(db, person, parse)
    assert not [plan for plan in plans if "turn" in plan], plans
    assert {"uq_turn_answered", "ix_turn_person", "ix_turn_lane_at"} <= {name for plan in plans for name in plan}


def test_turns_survive_the_migration_of_the_decisions(own_db: Database) -> None:
    send_draft(own_db, drafted(own_db).id, DRAFTS, LIMITS, by=BY)
    migrate.downgrade(own_db, "0025")
    with own_db.read() as tx:
        assert tx.execute(text("SELECT outcome FROM turn")).scalar_one() == "sent"
    migrate.upgrade(own_db)
    (found,) = turns_of(own_db)
    assert (found["outcome"], found["decision"], found["decided_by"]) == ("sent", None, "Meera")


def test_a_report_has_the_turns_of_its_lanes_and_days(db: Database) -> None:
    send_draft(db, drafted(db).id, DRAFTS, LIMITS, by=BY)
    found = get_report(db, ["default", "north"], days=1)
    assert (found.turns, found.exact, found.answered, found.drafts) == (1, True, 1, {"unchanged": 1})
    assert get_report(db, ["north"], days=1).turns == get_report(db, [], days=1).turns == 0
    with db.write() as tx:
        tx.execute(update(turn).values(at=tx.now - timedelta(days=2)))
    assert get_report(db, ["default"], days=1).turns == 0
    assert get_report(db, ["default"], days=3).turns == 1
