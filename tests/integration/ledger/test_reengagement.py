"""Who got no answer within 24 hours is asked once whether they still need help, and a YES continues the talk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from harkara.assistant.rules import AssistantRules
from harkara.delivery import gates
from harkara.ledger.assistant_switch import switch_assistant_off
from harkara.ledger.audit import audit
from harkara.ledger.conversations.modes import switch_off
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.reengagement import ask_unanswered
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed, claim
from harkara.ledger.tables import consent as consent_table
from harkara.ledger.tables import contact, conversation, event, message
from harkara.ledger.transaction import Row
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.occasions import save, visit
from tests.integration.ledger.steps import ACCEPTED, begin_posts, record_outcome
from tests.integration.ledger.test_inbound_messages import send_reminder
from tests.integration.ledger.turns import (
    ANSWER,
    ASHA,
    BY,
    DRAFTS,
    HAND_OVER,
    LIVE,
    answer,
    answers_of,
    claimed,
    replied,
    row_of,
    talk_of,
    wrote,
)
from tests.integration.ledger.webhooks import CONTEXT

LANES = {"default": replace(CONTEXT.lanes["default"], reengage="still_need_help")}
UNKNOWN = replace(HAND_OVER, hand_over="unknown")


def ask(db: Database, rules: AssistantRules = LIVE) -> int:
    return ask_unanswered(db, rules, LANES, DEADLINES)


def hours_pass(db: Database, hours: float = 25) -> None:
    """Move what was said into the past."""
    times = {
        conversation: ("last_at", "topic_at", "mode_since", "reengaged_at"),
        contact: ("wrote_at",),
        event: ("received_at", "at"),
        message: ("posted_at", "changed_at", "created_at"),
        consent_table: ("at",),
    }
    with db.write() as tx:
        for table, names in times.items():
            key = list(table.primary_key.columns)
            for row in tx.rows(select(table)):
                past = {name: row[name] - timedelta(hours=hours) for name in names if row[name]}
                if past:
                    tx.execute(update(table).where(*(column == row[column.name] for column in key)).values(**past))


def handed_over(db: Database, question: str = "Do you sell roses?") -> None:
    """The assistant does not know the answer, says so, and no person comes."""
    wrote(db, question)
    answer(db, UNKNOWN)
    send_all(db)


def send_all(db: Database) -> list[str]:
    """Send the waiting messages of the assistant; return the codes of those that a gate stopped, or `sent`."""
    found = claim(db, [each["id"] for each in answers_of(db)], 10)
    return [_send(db, one) for one in found]


def _send(db: Database, one: Claimed) -> str:
    if outcome := gates.check(one, gates.load(db, LANES, [one], assistant=LIVE)):
        record_outcome(db, one, outcome, posted=False)
        return str(getattr(outcome, "code", None) or outcome)
    assert begin_posts(db, one)
    record_outcome(db, one, ACCEPTED)
    return "sent"


def asked(db: Database) -> list[Row]:
    return [each for each in answers_of(db) if each["template"] == "still_need_help"]


def test_who_was_handed_over_and_got_no_answer_is_asked_once(db: Database) -> None:
    handed_over(db)
    assert ask(db) == 0, "the window is open"
    hours_pass(db)
    assert [ask(db), ask(db)] == [1, 0]
    (sent,) = asked(db)
    assert (sent["quiet"], sent["category"], sent["recipient"]) == (True, "utility", ASHA)
    assert send_all(db) == ["sent"]
    hours_pass(db)
    assert ask(db) == 0
    assert audit(db).clean


def test_who_was_answered_is_not_asked(db: Database) -> None:
    wrote(db, "When do you open?")
    answer(db)
    send_all(db)
    hours_pass(db)
    assert ask(db) == 0


def test_an_answer_that_never_left_is_none(db: Database) -> None:
    wrote(db, "When do you open?")
    answer(db)
    hours_pass(db)
    assert send_all(db) == ["superseded"], "the window is shut"
    assert ask(db) == 1
    assert send_all(db) == ["sent"]


STEPS: dict[str, Callable[[Database], object]] = {
    "a person replied": replied,
    "STOP": lambda db: wrote(db, "STOP"),
    "a person alone": lambda db: switch_off(db, find_participant(db, ASHA), by=BY),
    "off": lambda db: switch_assistant_off(db, by=BY),
    "more words": lambda db: wrote(db, "Hello?"),
    "two days": lambda db: hours_pass(db, 24),
}


@pytest.mark.parametrize("step", STEPS)
def test_no_one_is_asked_after(db: Database, step: str) -> None:
    handed_over(db)
    STEPS[step](db)
    hours_pass(db)
    assert ask(db) == (1 if step == "more words" else 0), "only who still waits is asked"


@pytest.mark.parametrize("step", ["a person replied", "STOP", "a person alone", "off", "more words"])
def test_what_happens_before_it_leaves_cancels_it(db: Database, step: str) -> None:
    handed_over(db)
    hours_pass(db)
    assert ask(db) == 1
    STEPS[step](db)
    send_all(db)
    assert [each["state"] for each in asked(db)] == ["cancelled"]


@pytest.mark.parametrize(
    "rules", [DRAFTS, LIVE.model_copy(update={"share": 0.0}), LIVE.model_copy(update={"own_numbers": (ASHA,)})]
)
def test_no_one_outside_the_rollout_is_asked(db: Database, rules: AssistantRules) -> None:
    handed_over(db)
    hours_pass(db)
    assert ask(db, rules) == 0
    assert ask_unanswered(db, LIVE, CONTEXT.lanes, DEADLINES) == 0, "the lane has no template"


@pytest.mark.parametrize("words", ["YES", "Yes please", "हाँ", "haan ji"])
def test_a_yes_lets_the_assistant_answer_the_question(db: Database, words: str) -> None:
    handed_over(db, "Do you sell roses?")
    hours_pass(db)
    ask(db)
    send_all(db)
    wrote(db, words)
    assert (row_of(db)["mode"], row_of(db)["mode_cause"]) == ("assistant", "re-engaged")
    one = claimed(db)
    talk = talk_of(db, one)
    assert talk.question == "Do you sell roses?"
    assert {each.by for each in talk.said} == {"customer"}


def test_after_the_answer_the_talk_goes_on_as_any_other(db: Database) -> None:
    handed_over(db)
    hours_pass(db)
    ask(db)
    send_all(db)
    wrote(db, "Yes", "Red ones")
    assert talk_of(db, claimed(db)).question == "Do you sell roses?\nRed ones"
    hours_pass(db, 0.1)
    with db.write() as tx:
        tx.execute(update(conversation).values(lease_until=None))
    assert answer(db, ANSWER).outcome == "sent"
    assert send_all(db) == ["sent"]
    assert row_of(db)["mode_cause"] == "given-back"
    wrote(db, "Yes")
    assert "Yes" in talk_of(db, claimed(db)).question


def test_a_yes_to_no_question_and_other_words_stay_with_the_person(db: Database) -> None:
    handed_over(db)
    wrote(db, "Yes")
    assert row_of(db)["mode"] == "person"
    hours_pass(db)
    ask(db)
    send_all(db)
    wrote(db, "I have bought them elsewhere")
    assert (row_of(db)["mode"], row_of(db)["turn_due_at"]) == ("person", None)
    wrote(db, "Yes")
    assert row_of(db)["mode"] == "person", "the question was answered before"


def test_a_yes_while_a_reminder_is_open_answers_the_reminder(db: Database) -> None:
    handed_over(db)
    hours_pass(db)
    ask(db)
    send_all(db)
    save(db, visit())
    send_reminder(db)
    wrote(db, "Yes")
    assert (row_of(db)["mode"], row_of(db)["turn_due_at"]) == ("person", None)
