"""Whatever happens in whatever order, an answer is sent once, never after a person, and two at most in a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from harkara.assistant.rules import MOST_UNANSWERED
from harkara.chatmitra.webhooks import parse
from harkara.delivery import gates
from harkara.ledger.audit import audit
from harkara.ledger.audit_rules import CONVERSATIONS, MESSAGES, TURNS
from harkara.ledger.conversations.due_turns import ClaimedTurn, claim_turns
from harkara.ledger.conversations.modes import assign_to_person, give_back, switch_off
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.record import record_reply
from harkara.ledger.conversations.talk import load_talk
from harkara.ledger.conversations.turns import write_turn
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.messages.claim import Claimed, claim
from harkara.ledger.tables import alias, attempt, consent, contact, conversation, event, message, trace, turn
from tests.integration.ledger.steps import ACCEPTED, begin_posts, record_outcome, run_sweep
from tests.integration.ledger.test_conversation_revisions import typed_in_the_dashboard
from tests.integration.ledger.turns import (
    ANSWER,
    ASHA,
    BY,
    HAND_OVER,
    LIMITS,
    LIVE,
    answer,
    answers_of,
    pass_time,
    row_of,
    turns_of,
    wrote,
)
from tests.integration.ledger.webhooks import CONTEXT, inbound_webhook, store_webhooks


class Interleaving:
    """One conversation, the claims that workers hold in it, and what has left."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.texts = 0
        self.thoughts: list[ClaimedTurn] = []
        self.claims: list[Claimed] = []
        self.posted: list[int] = []
        self.in_a_row = 0
        self.person_has_it = False

    def wrote(self) -> None:
        self.texts += 1
        self._customer(f"Question {self.texts}")

    def stop(self) -> None:
        self._customer("STOP")

    def start(self) -> None:
        self._customer("START")

    def think(self) -> None:
        pass_time(self.db)
        self.thoughts += claim_turns(self.db, 5, 60)

    def think_again(self) -> None:
        """A worker froze; its lease runs out."""
        pass_time(self.db, 120)
        self.thoughts += claim_turns(self.db, 5, 60)

    def write(self) -> None:
        self._write(ANSWER)

    def hand_over(self) -> None:
        self._write(HAND_OVER)

    def write_once_more(self) -> None:
        """A worker that was frozen writes what another one has written."""
        if self.thoughts:
            self.thoughts.append(self.thoughts[-1])
            self._write(ANSWER)

    def reply(self) -> None:
        if row := row_of(self.db):
            with self.db.write() as tx:
                record_reply(tx, "default", row["person"])
            self.person_has_it = True

    def assign(self) -> None:
        self._change(assign_to_person)
        self.person_has_it = True

    def off(self) -> None:
        self._change(switch_off)
        self.person_has_it = True

    def give_back(self) -> None:
        self._change(give_back)
        self.person_has_it = False

    def claim(self) -> None:
        with self.db.read() as tx:
            ids = tx.execute(select(message.c.id).where(message.c.producer == "assistant")).scalars().all()
        self.claims += claim(self.db, list(ids), 10)

    def send(self) -> None:
        """Pass the gates, begin and record, as a sender does without a pause between."""
        while self.claims:
            one = self.claims.pop()
            if outcome := gates.check(one, gates.load(self.db, CONTEXT.lanes, [one], assistant=LIVE)):
                record_outcome(self.db, one, outcome, posted=False)
            elif begin_posts(self.db, one):
                record_outcome(self.db, one, ACCEPTED)
                self._left(one)

    def sweep(self) -> None:
        with self.db.write() as tx:
            tx.execute(update(message).where(message.c.lease_until.is_not(None)).values(lease_until=tx.now))
        run_sweep(self.db)

    def _left(self, one: Claimed) -> None:
        assert one.talk_revision is not None
        assert one.talk_revision not in self.posted, "two answers to one revision"
        assert not self.person_has_it, "an answer after a person has the conversation"
        self.posted.append(one.talk_revision)
        self.in_a_row += 1
        assert self.in_a_row <= LIVE.most_unanswered

    def _customer(self, words: str) -> None:
        wrote(self.db, words)
        self.in_a_row = 0
        self.person_has_it = row_of(self.db)["mode"] != "assistant"  # the time of a person may be over

    def _write(self, proposal: Any) -> None:
        if self.thoughts:
            one = self.thoughts.pop()
            if talk := load_talk(self.db, one, parse):
                write_turn(self.db, one, talk, proposal, LIVE, LIMITS)

    def _change(self, change: Callable[..., None]) -> None:
        if row_of(self.db):
            change(self.db, find_participant(self.db, ASHA), by=BY)


STEPS = st.sampled_from(
    [name for name, each in vars(Interleaving).items() if not name.startswith("_") and callable(each)]
)
BUSY = st.sampled_from(["wrote", "think", "write", "claim", "send"])


def check(db: Database, steps: list[str]) -> None:
    with db.write() as tx:
        for table in (trace, attempt, alias, turn, message, conversation, event, consent, contact):
            tx.execute(delete(table))
    talk = Interleaving(db)
    for step in ["wrote", *steps]:
        getattr(talk, step)()
    found = audit(db, sections=(MESSAGES, TURNS, CONVERSATIONS)).findings
    assert [each.rule for each in found if "answer" in each.rule] == []


def test_no_order_of_steps_breaks_the_one_voice(db: Database) -> None:
    @settings(max_examples=60 if db.sqlite else 6, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.one_of(BUSY, STEPS), max_size=25))
    def run(steps: list[str]) -> None:
        check(db, steps)

    run()


def test_the_audit_finds_two_answers_to_one_revision_and_too_many_in_a_row(db: Database) -> None:
    talk = Interleaving(db)
    for step in ("wrote", "think", "write", "claim", "send"):
        getattr(talk, step)()
    (sent,) = answers_of(db)
    rules = {"no two answers were sent at one revision", "no more answers are sent in a row than may be unanswered"}
    assert rules & {each.rule for each in audit(db).findings} == set()
    (row,) = turns_of(db)
    with db.write() as tx:
        for number in range(MOST_UNANSWERED):
            copy = {"id": f"copy_{number}", "reference": f"answer {number}", "digest": None}
            tx.execute(insert(message), sent | copy)
    assert {each.rule for each in audit(db).findings} >= {"every answer of the assistant has its turn"}
    with db.write() as tx:
        for number in range(MOST_UNANSWERED):
            own = {"id": f"turn_copy_{number}", "message_id": f"copy_{number}", "outcome": "superseded"}
            tx.execute(insert(turn), row | own)
        tx.execute(update(message).values(recipient=None, body=None))  # as after the retention
    found = {each.rule for each in audit(db).findings}
    assert rules <= found
    assert "every answer of the assistant has its turn" not in found
    with db.write() as tx:
        tx.execute(text("DROP INDEX uq_turn_answered"))
        tx.execute(insert(turn), row | {"id": "turn_2"})
    assert "a revision of a conversation has one answer" in {each.rule for each in audit(db).findings}


def test_texts_of_turns_are_erased_after_their_retention(db: Database) -> None:
    wrote(db, "AGENT")
    answer(db, HAND_OVER)
    run_sweep(db, retention=3600)
    assert turns_of(db)[0]["summary"] == "Order 17"
    with db.write() as tx:
        tx.execute(update(turn).values(at=tx.now - timedelta(hours=2)))
    run_sweep(db, retention=3600)
    (row,) = turns_of(db)
    assert (row["content"], row["summary"], row["outcome"]) == (None, None, "handed-over")


def test_a_reply_that_staff_typed_in_the_dashboard_is_a_persons(db: Database) -> None:
    wrote(db, "Hello")
    typed_in_the_dashboard(db, "I am here")
    assert row_of(db)["mode"] == "person"
    assert row_of(db)["turn_due_at"] is None
    person = row_of(db)["person"]
    talk = load_talk(db, ClaimedTurn("turn_1", "default", person, 2, 0, None, False), parse)
    assert talk
    assert {each.by for each in talk.said} == {"customer", "person"}


def test_own_numbers_have_no_turn(db: Database) -> None:
    wrote(db, "Hello", rules=LIVE.model_copy(update={"own_numbers": (ASHA,)}))
    assert row_of(db)["turn_due_at"] is None


def test_words_that_seem_older_than_our_last_message_are_answered_too(db: Database) -> None:
    talk = Interleaving(db)
    for step in ("wrote", "think", "write", "claim", "send"):
        getattr(talk, step)()
    with db.read() as tx:
        earlier = tx.now.timestamp() - 5
    store_webhooks(db, inbound_webhook("On Sunday?", "wamid.late", 1, timestamp=earlier))
    while process(db, replace(CONTEXT, assistant=LIVE)):
        pass
    talk.think()
    found = load_talk(db, talk.thoughts[-1]._replace(topic_at=None), parse)
    assert found
    assert "On Sunday?" in found.question
