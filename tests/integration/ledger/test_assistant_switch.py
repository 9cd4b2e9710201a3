"""Switched off, the assistant says nothing more, whatever a worker was doing; on, it answers what is written then."""

from __future__ import annotations

import pytest

from harkara.errors import Conflict
from harkara.ledger.assistant_switch import switch_assistant_off, switch_assistant_on
from harkara.ledger.conversations.drafts import send_draft
from harkara.ledger.conversations.due_turns import claim_turns, seconds_until_turn
from harkara.ledger.conversations.turns import write_turn
from harkara.ledger.database import Database
from tests.integration.ledger.steps import run_sweep
from tests.integration.ledger.turns import (
    ANSWER,
    BY,
    DRAFTS,
    LIMITS,
    LIVE,
    answer,
    answers_of,
    at_the_gate,
    claimed,
    pass_time,
    row_of,
    talk_of,
    turns_of,
    wrote,
)


def off(db: Database) -> None:
    assert switch_assistant_off(db, by=BY)


def test_a_turn_that_was_due_is_not_thought_about(db: Database) -> None:
    wrote(db, "Hello")
    off(db)
    pass_time(db)
    assert claim_turns(db, 5, 60) == []
    assert seconds_until_turn(db) is None


def test_a_thought_that_began_before_is_not_sent(db: Database) -> None:
    wrote(db, "Hello")
    one = claimed(db)
    talk = talk_of(db, one)
    off(db)
    assert write_turn(db, one, talk, ANSWER, LIVE, LIMITS).outcome == "superseded"
    assert answers_of(db) == []


def test_an_answer_that_waits_is_stopped_at_the_gate(db: Database) -> None:
    wrote(db, "Hello")
    answer(db)
    off(db)
    assert at_the_gate(db) == "superseded"


def test_what_is_written_meanwhile_gets_no_turn_and_later_words_do(db: Database) -> None:
    off(db)
    wrote(db, "Hello")
    assert row_of(db)["turn_due_at"] is None
    run_sweep(db)
    assert not switch_assistant_off(db, by=BY), "it is off until someone switches it on"
    assert switch_assistant_on(db, by=BY)
    assert not switch_assistant_on(db, by=BY)
    assert row_of(db)["turn_due_at"] is None
    wrote(db, "Are you there?")
    assert answer(db).outcome == "sent"
    assert at_the_gate(db) == "passes"


def test_a_draft_is_refused_while_it_is_off(db: Database) -> None:
    wrote(db, "Hello")
    answer(db, rules=DRAFTS)
    off(db)
    with pytest.raises(Conflict):
        send_draft(db, turns_of(db)[0]["id"], DRAFTS, LIMITS, by=BY)
    assert turns_of(db)[0]["outcome"] == "draft"
