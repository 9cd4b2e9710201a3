"""Steps of a conversation with the assistant, one short call each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from harkara.assistant.rules import AssistantRules
from harkara.assistant.talk import Proposal, Talk
from harkara.chatmitra.webhooks import parse
from harkara.delivery import gates
from harkara.delivery.thinking import Thinker
from harkara.ledger.conversations.due_turns import ClaimedTurn, claim_turns
from harkara.ledger.conversations.record import record_reply
from harkara.ledger.conversations.talk import load_talk
from harkara.ledger.conversations.turns import AnswerLimits, WrittenTurn, write_turn
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.messages.claim import claim
from harkara.ledger.tables import contact, conversation, message, turn
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


def wrote(db: Database, *texts: str, rules: AssistantRules = LIVE, n: int = 1, number: str | None = None) -> None:
    sender = {"from": number} if number else {}
    for place, words in enumerate(texts):
        webhook = inbound_webhook(words, f"w.{words}.{place}.{row_of(db).get('revision')}", n, **sender)
        store_webhooks(db, webhook)
        while process(db, replace(CONTEXT, assistant=rules)):
            pass


def row_of(db: Database, n: int | None = None) -> Row:
    """Return the conversation, or the one of the person number `n`."""
    query = select(conversation)
    if n is not None:
        query = query.where(
            conversation.c.person.in_(select(contact.c.person).where(contact.c.recipient == f"9198765{n:05d}"))
        )
    with db.read() as tx:
        return next(iter(tx.rows(query)), {})


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


def superseded(
    db: Database, proposal: Proposal = ANSWER, rules: AssistantRules = LIVE, more: str = "One more thing"
) -> WrittenTurn:
    """Answer what the customer wrote after they have written once more."""
    one = claimed(db)
    talk = talk_of(db, one)
    wrote(db, more, rules=rules)
    return write_turn(db, one, talk, proposal, rules, LIMITS)


def replied(db: Database) -> None:
    with db.write() as tx:
        record_reply(tx, "default", row_of(db)["person"])


def at_the_gate(db: Database, rules: AssistantRules = LIVE) -> str:
    """Return the code with which the gate stops the only answer, or `passes`."""
    found = claim(db, [each["id"] for each in answers_of(db)], 10)
    if not found:
        return str(answers_of(db)[-1]["state"])
    outcome = gates.check(found[0], gates.load(db, CONTEXT.lanes, found, assistant=rules))
    return outcome.code if isinstance(outcome, Cancelled) else "passes"


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
