"""Each condition of the one voice alone holds an answer back: of the claim, the gate, the begin and the turn.

`make mutants` changes these conditions one by one, and a test of this file must find each change.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from harkara.assistant.rules import AssistantRules
from harkara.assistant.voice import HANDED_OVER
from harkara.delivery import gates
from harkara.ledger.assistant_switch import switch_assistant_off
from harkara.ledger.conversations.drafts import send_draft
from harkara.ledger.conversations.due_turns import claim_turns
from harkara.ledger.conversations.turns import drop_turn, write_turn
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed, claim
from harkara.ledger.tables import contact, conversation, message
from harkara.outcomes import Cancelled
from tests.integration.ledger.steps import begin_posts
from tests.integration.ledger.turns import (
    ANSWER,
    BY,
    DRAFTS,
    HAND_OVER,
    LIMITS,
    LIVE,
    SHADOW,
    answer,
    answers_of,
    claimed,
    pass_time,
    row_of,
    talk_of,
    turns_of,
    wrote,
)
from tests.integration.ledger.webhooks import CONTEXT

HOUR = timedelta(hours=1)
NEVER = LIVE.model_copy(update={"share": 0.0})


@pytest.fixture
def answered(db: Database) -> Database:
    """A ledger with one answer that waits."""
    wrote(db, "Hello")
    answer(db)
    return db


def change(db: Database, **values: Any) -> None:
    """Change the conversation, and nothing else."""
    if not values:
        return
    with db.write() as tx:
        tx.execute(update(conversation).values(**values))


def change_message(db: Database, **values: Any) -> None:
    with db.write() as tx:
        tx.execute(update(message).values(**values))


def claims(db: Database) -> list[Claimed]:
    return claim(db, [answers_of(db)[0]["id"]], 60)


def objection(db: Database, rules: AssistantRules = LIVE) -> str | None:
    """Return why the gate `one voice` stops the answer, after a claim of its own."""
    change_message(db, state="waiting", lease_until=None)
    found = claims(db)
    outcome = gates.one_voice(found[0], gates.load(db, CONTEXT.lanes, found, assistant=rules))
    assert outcome is None or isinstance(outcome, Cancelled)
    return outcome.reason if outcome else None


def test_an_answer_is_claimed_when_it_is_due_and_once(answered: Database) -> None:
    change_message(answered, due_at=answered.now() + HOUR)
    assert claims(answered) == []
    change_message(answered, state="queued")
    (first,) = claims(answered)
    assert claims(answered) == []
    change_message(answered, state="waiting", due_at=answered.now())
    assert claims(answered)[0].epoch > first.epoch
    for state in ("sending", "accepted", "cancelled", "uncertain"):
        change_message(answered, state=state)
        assert claims(answered) == [], state


def test_a_claim_begins_while_it_holds_and_once(answered: Database) -> None:
    (frozen,) = claims(answered)
    change_message(answered, state="waiting")
    (second,) = claims(answered)
    assert begin_posts(answered, frozen) == set(), "another worker has claimed it since"
    change_message(answered, lease_until=answered.now() - HOUR)
    assert begin_posts(answered, second) == set(), "its lease is over"
    change_message(answered, lease_until=answered.now() + HOUR)
    for state in ("cancelled", "waiting", "accepted"):
        change_message(answered, state=state)
        assert begin_posts(answered, second) == set(), state
    change_message(answered, state="claimed")
    assert len(begin_posts(answered, second)) == 1
    assert begin_posts(answered, second) == set(), "it has begun"


OBJECTIONS: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"revision": conversation.c.revision + 1}, "has moved on"),
    ({"revision": conversation.c.revision - 1}, "has moved on"),
    ({"mode": "person", "mode_cause": "replied"}, "a person answers"),
    ({"mode": "person", "mode_cause": None}, "a person answers"),
    ({"mode": "off", "mode_cause": HANDED_OVER}, "a person answers"),
    ({"mode": "person", "mode_cause": HANDED_OVER}, None),
    ({"mode": "person", "mode_cause": HANDED_OVER, "revision": conversation.c.revision + 1}, "has moved on"),
    ({"mode": "assistant", "mode_cause": "given-back"}, None),
    ({"unanswered": LIVE.most_unanswered}, None),
    ({"unanswered": LIVE.most_unanswered + 1}, "has not answered the last"),
]


def test_the_gate_looks_at_each_part_of_the_conversation(answered: Database) -> None:
    before = row_of(answered)
    for values, why in OBJECTIONS:
        change(answered, **values)
        found = objection(answered)
        assert (why in found) if why and found else found == why, values
        change(answered, **{name: before[name] for name in values})


def test_the_gate_looks_at_the_rollout_the_switch_and_the_window(answered: Database) -> None:
    for rules in (SHADOW, NEVER, AssistantRules()):
        assert "does not answer this person" in str(objection(answered, rules))
    assert objection(answered, DRAFTS) is None
    with answered.write() as tx:
        tx.execute(update(contact).values(wrote_at=tx.now - 24 * HOUR))
    assert "window is closed" in str(objection(answered))
    change_message(answered, fallback='{"messages": []}')
    assert objection(answered) is None, "the gate of the window sends its fallback"
    change_message(answered, fallback=None)
    with answered.write() as tx:
        tx.execute(update(contact).values(wrote_at=tx.now))
    switch_assistant_off(answered, by=BY)
    assert "is off" in str(objection(answered))
    with answered.write() as tx:
        tx.execute(delete(conversation))
    assert "is gone" in str(objection(answered))


def test_the_gate_looks_at_no_other_conversation(answered: Database) -> None:
    own = row_of(answered)
    others = [own | {"lane": "aaa"}, own | {"lane": "zzz"}, own | {"person": "aaa"}, own | {"person": "zzz"}]
    with answered.write() as tx:
        tx.execute(delete(conversation))  # whatever a statement without a condition finds first is another's
        tx.execute(insert(conversation), [*(each | {"mode": "off"} for each in others), own])
    assert objection(answered) is None


def test_a_turn_is_claimed_when_it_is_due_and_free(db: Database) -> None:
    wrote(db, "Hello")
    change(db, turn_due_at=db.now() + HOUR)
    assert claim_turns(db, 5, 60) == [], "it waits for more"
    first = claimed_after(db, HOUR)
    assert claim_turns(db, 5, 60) == [], "another worker thinks about it"
    change(db, lease_until=db.now() - timedelta(seconds=1))
    (second,) = claim_turns(db, 5, 60)
    assert (second.epoch, second.revision) == (first.epoch + 1, first.revision)
    change(db, lease_until=None)
    switch_assistant_off(db, by=BY)
    change(db, turn_due_at=db.now() - HOUR)
    assert claim_turns(db, 5, 60) == [], "the assistant is off"


def claimed_after(db: Database, time: timedelta) -> Any:
    pass_time(db, time.total_seconds() + 1)
    (one,) = claim_turns(db, 5, 60)
    return one


CHANGES: list[dict[str, Any]] = [
    {"revision": conversation.c.revision + 1},
    {"epoch": conversation.c.epoch + 1},
    {"mode": "person"},
    {"mode": "person", "mode_cause": HANDED_OVER},
    {"mode": "off"},
    {"unanswered": LIVE.most_unanswered},
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_a_turn_is_written_while_nothing_has_changed(db: Database, number: int) -> None:
    wrote(db, "Hello")
    one = claimed(db)
    talk = talk_of(db, one)
    change(db, **CHANGES[number])
    before = row_of(db)
    assert write_turn(db, one, talk, ANSWER, LIVE, LIMITS).outcome == "superseded"
    assert answers_of(db) == []
    assert row_of(db)["unanswered"] == before["unanswered"]
    if "epoch" in CHANGES[number]:
        assert row_of(db)["lease_until"] == before["lease_until"], "the lease is another worker's"


def test_a_turn_is_not_written_while_the_assistant_is_off(db: Database) -> None:
    wrote(db, "Hello")
    one = claimed(db)
    talk = talk_of(db, one)
    switch_assistant_off(db, by=BY)
    assert write_turn(db, one, talk, ANSWER, LIVE, LIMITS).outcome == "superseded"


def test_a_turn_changes_no_other_conversation(db: Database) -> None:
    wrote(db, "Hello")
    one = claimed(db)
    own = row_of(db)
    others = [own | {"lane": "north"}, own | {"person": "another"}]
    with db.write() as tx:
        tx.execute(insert(conversation), others)
    write_turn(db, one, talk_of(db, one), HAND_OVER, LIVE, LIMITS)
    with db.read() as tx:
        rows = tx.rows(conversation.select())
    assert sorted(each["mode"] for each in rows) == ["assistant", "assistant", "person"]
    assert sorted(each["turn_due_at"] is None for each in rows) == [False, False, True]


def test_a_thought_that_needs_no_answer_drops_no_later_words(db: Database) -> None:
    wrote(db, "Hello")
    one = claimed(db)
    wrote(db, "And on Sunday?")
    drop_turn(db, one)
    assert (row_of(db)["turn_due_at"] is None, row_of(db)["lease_until"]) == (False, None)


@pytest.mark.parametrize("number", [0, 2, 3, 4, 5])
def test_a_draft_is_sent_while_nothing_has_changed(db: Database, number: int) -> None:
    wrote(db, "Hello", rules=DRAFTS)
    answer(db, rules=DRAFTS)
    change(db, **CHANGES[number])
    assert send_draft(db, turns_of(db)[0]["id"], DRAFTS, LIMITS, by=BY).outcome == "superseded"
    assert answers_of(db) == []


def test_the_last_words_of_a_hand_over_go_out_at_its_revision(db: Database) -> None:
    wrote(db, "AGENT")
    answer(db, HAND_OVER)
    assert objection(db) is None


@pytest.mark.parametrize("values", [{"mode_cause": "replied"}, {"mode": "off"}])
def test_the_words_of_a_hand_over_are_sent_while_it_stands(db: Database, values: dict[str, str]) -> None:
    wrote(db, "AGENT", rules=DRAFTS)
    answer(db, HAND_OVER, DRAFTS)
    change(db, **values)
    assert send_draft(db, turns_of(db)[0]["id"], DRAFTS, LIMITS, by=BY).outcome == "superseded"


def test_words_of_the_customer_cancel_the_answers_to_them_alone(answered: Database) -> None:
    wrote(answered, "Hello", n=2)
    pass_time(answered)
    (other,) = claim_turns(answered, 5, 60)
    write_turn(answered, other, talk_of(answered, other), ANSWER, LIVE, LIMITS)
    wrote(answered, "One more thing")
    assert [each["state"] for each in answers_of(answered)] == ["cancelled", "waiting"]
