"""An answer of the assistant goes out only while the conversation is as it was: one voice, at every moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from harkara.assistant.rules import AssistantRules
from harkara.assistant.talk import Proposal, Talk
from harkara.chatmitra.webhooks import parse
from harkara.delivery import gates
from harkara.delivery.thinking import Thinker
from harkara.errors import Conflict
from harkara.ledger.audit import audit
from harkara.ledger.conversations.drafts import send_draft
from harkara.ledger.conversations.due_turns import ClaimedTurn, claim_turns
from harkara.ledger.conversations.modes import assign_to_person, give_back, switch_off
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.record import record_reply
from harkara.ledger.conversations.talk import load_talk
from harkara.ledger.conversations.turns import AnswerLimits, WrittenTurn, write_turn
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.messages.claim import claim
from harkara.ledger.tables import conversation, message, turn
from harkara.ledger.transaction import Row
from harkara.ledger.users.acts import Actor
from harkara.outcomes import Cancelled
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.webhooks import CONTEXT, inbound_webhook, store_webhooks

ASHA = "919876500001"
BY = Actor("Meera", "console")
LIVE = AssistantRules.model_validate({"lanes": ["default"], "mode": "live"})
DRAFTS = LIVE.model_copy(update={"mode": "drafts"})
SHADOW = LIVE.model_copy(update={"mode": "shadow"})
LIMITS = AnswerLimits(DEADLINES, 0.0)
ANSWER = Proposal(texts=("We open at nine.", "Shall I book?"), source="faq", citations=("hours",), price=5)
HAND_OVER = Proposal(texts=("A person goes on.",), source="rule", hand_over="asked", summary="Order 17")


def wrote(db: Database, *texts: str, rules: AssistantRules = LIVE, n: int = 1) -> None:
    for number, words in enumerate(texts):
        webhook = inbound_webhook(words, f"w.{words}.{number}.{row_of(db).get('revision')}", n)
        store_webhooks(db, webhook)
        while process(db, replace(CONTEXT, assistant=rules)):
            pass


def row_of(db: Database) -> Row:
    with db.read() as tx:
        return next(iter(tx.rows(select(conversation))), {})


def turns_of(db: Database) -> list[Row]:
    with db.read() as tx:
        return tx.rows(select(turn).order_by(turn.c.id))


def answers_of(db: Database) -> list[Row]:
    with db.read() as tx:
        return tx.rows(select(message).where(message.c.producer == "assistant").order_by(message.c.id))


def pass_time(db: Database, seconds: float = 10) -> None:
    with db.write() as tx:
        past = timedelta(seconds=seconds)
        for name in ("turn_due_at", "burst_at", "lease_until", "mode_until"):
            for each in tx.rows(select(conversation).where(conversation.c[name].is_not(None))):
                tx.execute(
                    update(conversation)
                    .where(conversation.c.person == each["person"])
                    .values({name: each[name] - past})
                )


def claimed(db: Database) -> ClaimedTurn:
    pass_time(db)
    (one,) = claim_turns(db, 5, 60)
    return one


def talk_of(db: Database, one: ClaimedTurn) -> Talk:
    talk = load_talk(db, one, parse)
    assert talk
    return talk


def answer(db: Database, proposal: Proposal = ANSWER, rules: AssistantRules = LIVE) -> WrittenTurn:
    one = claimed(db)
    return write_turn(db, one, talk_of(db, one), proposal, rules, LIMITS)


def at_the_gate(db: Database, rules: AssistantRules = LIVE) -> str:
    """Return the code with which the gate stops the only answer, or `passes`."""
    found = claim(db, [each["id"] for each in answers_of(db)], 10)
    if not found:
        return str(answers_of(db)[-1]["state"])
    outcome = gates.check(found[0], gates.load(db, CONTEXT.lanes, found, assistant=rules))
    return outcome.code if isinstance(outcome, Cancelled) else "passes"


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


@pytest.mark.parametrize("words", ["STOP", "START"])
def test_words_with_a_meaning_of_their_own_are_not_answered(db: Database, words: str) -> None:
    wrote(db, "Hello", words)
    assert row_of(db)["turn_due_at"] is None


def test_lanes_without_the_assistant_have_no_turns(db: Database) -> None:
    wrote(db, "Hello", rules=AssistantRules())
    assert row_of(db)["turn_due_at"] is None


STEPS: dict[str, Callable[[Database], Any]] = {
    "customer": lambda db: wrote(db, "One more thing"),
    "stop": lambda db: wrote(db, "STOP"),
    "reply": lambda db: replied(db),
    "assign": lambda db: assign_to_person(db, find_participant(db, ASHA), by=BY),
    "off": lambda db: switch_off(db, find_participant(db, ASHA), by=BY),
}


def replied(db: Database) -> None:
    with db.write() as tx:
        record_reply(tx, "default", row_of(db)["person"])


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


class Parrot:
    """An assistant that answers alike, or breaks."""

    def __init__(self, proposal: Proposal | None = ANSWER) -> None:
        self.asked: list[Talk] = []
        self._proposal = proposal

    def propose(self, talk: Talk) -> Proposal:
        self.asked.append(talk)
        if self._proposal is None:
            raise ZeroDivisionError
        return self._proposal


def thinker(db: Database, assistant: Parrot) -> Thinker:
    return Thinker(db, assistant, LIVE, LIMITS, parse, lambda hints: None)


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
    assert written == WrittenTurn("failed")
    (line,) = lines
    assert "exc_info" not in line, "the text of an error may quote the customer"
    assert row_of(db)["mode"] == "person"
    assert turns_of(db)[0]["failure"] == "ZeroDivisionError"


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
