"""An answer of the assistant goes out only while the conversation is as it was: one voice, at every moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from harkara.assistant.rules import AssistantRules
from harkara.delivery.thinking import Thinker
from harkara.errors import Conflict
from harkara.inbound.events import Event
from harkara.ledger.alarms.alarms import PRODUCER, list_alarms
from harkara.ledger.audit import audit
from harkara.ledger.conversations.drafts import send_draft
from harkara.ledger.conversations.due_turns import claim_turns
from harkara.ledger.conversations.modes import assign_to_person, give_back, switch_off
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.turns import WrittenTurn, write_turn
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.messages.claim import claim
from harkara.ledger.tables import conversation, message
from tests.integration.ledger.alarms import open_one
from tests.integration.ledger.occasions import closing, reminder_rows, save, visit
from tests.integration.ledger.steps import reply
from tests.integration.ledger.test_inbound_messages import send_reminder
from tests.integration.ledger.turns import (
    ANSWER,
    ASHA,
    BY,
    DRAFTS,
    HAND_OVER,
    LIMITS,
    LIVE,
    SHADOW,
    Parrot,
    answer,
    answers_of,
    at_the_gate,
    claimed,
    pass_time,
    replied,
    row_of,
    talk_of,
    thinker,
    turns_of,
    wrote,
)
from tests.integration.ledger.webhooks import CONTEXT, inbound_webhook, send_message, store_webhooks


def test_a_burst_gets_one_answer_to_all_of_it_in_one_request(db: Database) -> None:
    wrote(db, "Hello", "When do you open?", "On Sunday?")
    assert claim_turns(db, 5, 60) == [], "it waits for more"
    one = claimed(db)
    assert talk_of(db, one).question == "Hello\nWhen do you open?\nOn Sunday?"
    assert write_turn(db, one, talk_of(db, one), ANSWER, LIVE, LIMITS).outcome == "sent"
    (sent,) = answers_of(db)
    assert sent["body"].index("nine") < sent["body"].index("book")
    assert sent["reference"] == f"answer {one.person} {one.revision} 0"
    assert row_of(db)["cost"] == 5
    assert row_of(db)["greeted"]
    assert at_the_gate(db) == "passes"
    pass_time(db)
    assert claim_turns(db, 5, 60) == []


def test_the_debounce_is_pushed_by_the_next_message_and_ends_at_its_limit(db: Database) -> None:
    wrote(db, "One")
    first = row_of(db)
    assert first["turn_due_at"] - first["burst_at"] == timedelta(seconds=2)
    pass_time(db, 7)
    wrote(db, "Two")
    second = row_of(db)
    assert second["turn_due_at"] - second["burst_at"] == timedelta(seconds=8)


@pytest.mark.parametrize("words", [("Hello", "STOP"), ("START",), ("stop offers",)])
def test_words_with_a_meaning_of_their_own_are_not_answered(db: Database, words: tuple[str, ...]) -> None:
    wrote(db, *words)
    assert row_of(db)["turn_due_at"] is None


def test_lanes_without_the_assistant_have_no_turns(db: Database) -> None:
    wrote(db, "Hello", rules=AssistantRules())
    assert row_of(db)["turn_due_at"] is None


STEPS: dict[str, Callable[[Database], Any]] = {
    "customer": lambda db: wrote(db, "One more thing"),
    "stop": lambda db: wrote(db, "STOP"),
    "reply": replied,
    "assign": lambda db: assign_to_person(db, find_participant(db, ASHA), by=BY),
    "off": lambda db: switch_off(db, find_participant(db, ASHA), by=BY),
}


@pytest.mark.parametrize("step", STEPS)
def test_whatever_happens_while_it_thinks_supersedes_the_answer(db: Database, step: str) -> None:
    wrote(db, "Hello")
    one = claimed(db)
    talk = talk_of(db, one)
    STEPS[step](db)
    assert write_turn(db, one, talk, ANSWER, LIVE, LIMITS).outcome == "superseded"
    assert answers_of(db) == []
    assert [each["outcome"] for each in turns_of(db)] == ["superseded"]


@pytest.mark.parametrize("step", STEPS)
def test_whatever_happens_before_it_leaves_cancels_the_answer(db: Database, step: str) -> None:
    wrote(db, "Hello")
    answer(db)
    STEPS[step](db)
    assert at_the_gate(db) == "cancelled"


@pytest.mark.parametrize("step", STEPS)
def test_whatever_happens_after_the_claim_leaves_no_claim(db: Database, step: str) -> None:
    wrote(db, "Hello")
    answer(db)
    assert claim(db, [answers_of(db)[0]["id"]], 10)
    STEPS[step](db)
    assert answers_of(db)[0]["state"] == "cancelled"


def test_the_gate_itself_compares_the_revision_and_who_speaks(db: Database) -> None:
    wrote(db, "Hello")
    answer(db)
    for values in ({"revision": 99}, {"mode": "person"}, {"mode": "off"}, {"unanswered": 3}):
        before = row_of(db)
        with db.write() as tx:
            tx.execute(update(conversation).values(**values))
            tx.execute(update(message).values(state="waiting", lease_until=None))
        assert at_the_gate(db) == "superseded", values
        with db.write() as tx:
            tx.execute(update(conversation).values({name: before[name] for name in values}))
            tx.execute(update(message).values(state="waiting", lease_until=None))
    assert at_the_gate(db, AssistantRules()) == "superseded", "out of the share"


def test_of_two_workers_that_think_at_once_one_answers(db: Database) -> None:
    wrote(db, "Hello")
    frozen = claimed(db)
    talk = talk_of(db, frozen)
    assert claim_turns(db, 5, 60) == []
    pass_time(db, 120)
    (second,) = claim_turns(db, 5, 60)
    assert write_turn(db, second, talk_of(db, second), ANSWER, LIVE, LIMITS).outcome == "sent"
    assert write_turn(db, frozen, talk, ANSWER, LIVE, LIMITS).outcome == "superseded"
    assert len(answers_of(db)) == 1


def test_a_hand_over_lets_its_last_words_out_and_then_the_assistant_is_silent(db: Database) -> None:
    wrote(db, "AGENT")
    assert answer(db, HAND_OVER).outcome == "handed-over"
    assert row_of(db)["mode"] == "person"
    assert at_the_gate(db) == "passes"
    wrote(db, "Hello?")
    assert row_of(db)["turn_due_at"] is None
    give_back(db, find_participant(db, ASHA), by=BY)
    wrote(db, "And now?")
    assert row_of(db)["turn_due_at"] is not None


def test_a_person_has_the_conversation_until_their_time_is_over(db: Database) -> None:
    wrote(db, "Hello")
    replied(db)
    wrote(db, "Thanks, and?")
    assert (row_of(db)["mode"], row_of(db)["turn_due_at"]) == ("person", None)
    pass_time(db, 31 * 60)
    wrote(db, "Are you there?")
    assert row_of(db)["mode"] == "assistant"
    assert row_of(db)["turn_due_at"] is not None


def test_shadow_writes_a_turn_and_sends_nothing(db: Database) -> None:
    wrote(db, "Hello")
    assert answer(db, rules=SHADOW).outcome == "shadow"
    assert answers_of(db) == []
    assert row_of(db)["unanswered"] == 0


def test_a_draft_waits_for_a_person_and_is_dropped_when_the_talk_moves_on(db: Database) -> None:
    wrote(db, "Hello")
    assert answer(db, rules=DRAFTS).outcome == "draft"
    assert answers_of(db) == []
    first = turns_of(db)[0]["id"]
    assert send_draft(db, first, DRAFTS, LIMITS, by=BY).outcome == "sent"
    assert at_the_gate(db, DRAFTS) == "passes"
    with pytest.raises(Conflict):
        send_draft(db, first, DRAFTS, LIMITS, by=BY)
    wrote(db, "Sunday too?", rules=DRAFTS)
    answer(db, rules=DRAFTS)
    wrote(db, "Forget it", rules=DRAFTS)
    assert send_draft(db, turns_of(db)[1]["id"], DRAFTS, LIMITS, by=BY).outcome == "superseded"
    assert len(answers_of(db)) == 1


def test_a_bot_that_repeats_itself_is_not_answered(db: Database) -> None:
    wrote(db, "Press 1", "Press 1", "Press 1")
    parrot = Parrot()
    assert thinker(db, parrot).think(claimed(db)) is None
    assert parrot.asked == []
    assert row_of(db)["turn_due_at"] is None


def test_an_assistant_that_breaks_gives_the_conversation_to_a_person(db: Database) -> None:
    wrote(db, "Hello")
    with capture_logs() as lines:
        written = thinker(db, Parrot(None)).think(claimed(db))
    assert written == WrittenTurn("handed-over")
    (line,) = lines
    assert "exc_info" not in line, "the text of an error may quote the customer"
    assert row_of(db)["mode"] == "person"
    assert turns_of(db)[0]["failure"] == "ZeroDivisionError"
    assert "We are connecting you with our team." in answers_of(db)[0]["body"]
    assert at_the_gate(db) == "passes"


def test_the_backup_is_said_once_in_a_talk_and_in_its_script(db: Database) -> None:
    wrote(db, "आप कब खुलते हैं?")
    thinker(db, Parrot(None)).think(claimed(db))
    (first,) = answers_of(db)
    assert "हम आपको अपनी टीम से जोड़ रहे हैं।" in first["body"]
    with db.write() as tx:
        tx.execute(update(message).values(state="sent", posted_at=tx.now))
    give_back(db, find_participant(db, ASHA), by=BY)
    wrote(db, "Hello?")
    assert thinker(db, Parrot(None)).think(claimed(db)) == WrittenTurn("failed")
    assert len(answers_of(db)) == 1
    assert row_of(db)["mode"] == "person"


def test_an_answer_that_is_no_valid_message_gives_the_conversation_to_a_person(db: Database) -> None:
    wrote(db, "Hello")
    invalid = replace(ANSWER, texts=("x" * 5000,))
    assert thinker(db, Parrot(invalid)).think(claimed(db)) == WrittenTurn("handed-over")
    assert "connecting you" in answers_of(db)[0]["body"]


def test_a_conversation_that_cannot_be_read_is_a_persons_and_is_not_tried_again(db: Database) -> None:
    def broken(body: bytes, at: datetime) -> list[Event]:
        raise ZeroDivisionError

    wrote(db, "Hello")
    pass_time(db)
    worker = Thinker(db, Parrot(), LIVE, LIMITS, broken, lambda hints: None)
    assert worker.start() == 1
    worker.close()
    assert (row_of(db)["mode"], row_of(db)["turn_due_at"]) == ("person", None)
    assert turns_of(db)[0]["outcome"] == "failed"


def test_a_worker_claims_what_is_due_and_answers_it_in_its_own_threads(db: Database) -> None:
    wrote(db, "Hello")
    pass_time(db)
    worker = thinker(db, Parrot())
    assert worker.wait(1) == 1
    worker.close()
    assert [each["outcome"] for each in turns_of(db)] == ["sent"]
    assert len(answers_of(db)) == 1


def test_the_audit_finds_an_answer_that_was_sent_after_a_person_had_the_conversation(db: Database) -> None:
    wrote(db, "Hello")
    answer(db)
    rule = "no answer is sent after a person has the conversation"
    assert rule not in [each.rule for each in audit(db).findings]
    with db.write() as tx:
        earlier = tx.now - timedelta(hours=1)
        tx.execute(update(conversation).values(mode="person", mode_cause="replied", mode_since=earlier))
        tx.execute(update(message).values(posted_at=earlier + timedelta(minutes=1)))
    assert rule in [each.rule for each in audit(db).findings]


def test_the_audit_accepts_the_words_of_a_hand_over_to_which_a_person_replied_later(db: Database) -> None:
    wrote(db, "AGENT")
    answer(db, HAND_OVER)
    with db.write() as tx:
        earlier = tx.now - timedelta(hours=1)
        tx.execute(update(conversation).values(mode_since=earlier))
        tx.execute(update(message).values(posted_at=earlier + timedelta(seconds=1)))
    replied(db)
    assert row_of(db)["mode_cause"] == "replied"
    assert "no answer is sent after a person has the conversation" not in [each.rule for each in audit(db).findings]


def tapped(db: Database, payload: str, title: str) -> None:
    """The customer taps a quick button, while the assistant answers the lane."""
    button = {"type": "button", "button": {"payload": payload, "text": title}}
    store_webhooks(db, inbound_webhook(wamid=f"w.{payload}", n=1, message=button))
    while process(db, replace(CONTEXT, assistant=LIVE)):
        pass


@pytest.mark.parametrize(("payload", "title"), [("CONFIRM", "Confirm"), ("RESCHEDULE", "Reschedule"), ("CANCEL", "No")])
def test_the_answer_to_a_reminder_by_its_quick_button_gets_no_turn(db: Database, payload: str, title: str) -> None:
    save(db, visit())
    send_reminder(db)
    tapped(db, payload, title)
    assert reminder_rows(db, state="accepted")[0]["answer"] is not None
    assert row_of(db)["revision"] == 1, "it is a message of the conversation"
    assert row_of(db)["turn_due_at"] is None


@pytest.mark.parametrize("words", ["Confirm", "yes", "हाँ"])
def test_the_answer_to_a_reminder_in_words_gets_no_turn_and_without_a_reminder_it_does(
    db: Database, words: str
) -> None:
    save(db, visit())
    send_reminder(db)
    wrote(db, words)
    assert row_of(db)["turn_due_at"] is None
    save(db, closing())
    wrote(db, words)
    assert row_of(db)["turn_due_at"] is not None


@pytest.mark.parametrize("words", ["OK", "👍"])
def test_an_ok_to_an_alarm_gets_no_turn_and_a_second_one_does(db: Database, words: str) -> None:
    alarm = open_one(db)
    send_message(db, reply(1, reference=alarm, producer=PRODUCER))
    wrote(db, words)
    assert list_alarms(db)[0].state == "acknowledged"
    assert row_of(db)["turn_due_at"] is None
    wrote(db, words)
    assert row_of(db)["turn_due_at"] is not None
