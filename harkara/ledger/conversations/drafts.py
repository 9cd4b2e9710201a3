"""Decide about a draft of the assistant: a person sends it, as it is or edited, or discards it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from sqlalchemy import select, update

from harkara.assistant.message_form import MOST_MESSAGES
from harkara.assistant.rules import AssistantRules
from harkara.assistant.talk import Proposal
from harkara.errors import Conflict, Invalid, NotFound
from harkara.ledger.assistant_switch import is_off
from harkara.ledger.conversations.due_turns import ClaimedTurn
from harkara.ledger.conversations.people import Participant, load_participants
from harkara.ledger.conversations.record import DROPPED
from harkara.ledger.conversations.turns import (
    AnswerLimits,
    TurnOutcome,
    WrittenTurn,
    accept_answer,
    is_open,
    new_state,
    notify_hand_over,
)
from harkara.ledger.database import Database
from harkara.ledger.tables import conversation, turn
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.states import State

Decision = Literal["unchanged", "edited", "discarded"]
"""What a person decided: to send the draft as it is, to send other words, or not to send it."""


def send_draft(
    db: Database,
    turn_id: str,
    rules: AssistantRules,
    limits: AnswerLimits,
    *,
    by: Actor,
    texts: Sequence[str] | None = None,
    of: Participant | None = None,
) -> WrittenTurn:
    """Send the answer of a draft as an act of `by`; the draft is superseded if the conversation has moved on.

    `texts` replace its own. The answer obeys the revision until it leaves, as those that no person has seen.
    Raises NotFound for an unknown turn, or one that is not `of` this person; Conflict for one that no longer waits, or
    that may not be sent now; Invalid for texts that WhatsApp would refuse; and Unavailable.
    """
    with db.write() as tx:
        row = _lock(tx, turn_id, of)
        if _is_dropped(row):
            return WrittenTurn("superseded")
        proposal, decision = _edited(_of_draft(row), texts)
        person = load_participants(tx, [row["person"]]).get(row["person"])
        _check(tx, row, rules, person)
        claimed = ClaimedTurn(turn_id, row["lane"], row["person"], row["revision"], 0, None, False)
        outcome: TurnOutcome = "handed-over" if proposal.hand_over else "sent"
        number = person.number if person else None
        values = _apply(tx, claimed, rules, new_state(tx, outcome, proposal)) if number else None
        if not number or values is None:
            tx.execute(update(turn).where(turn.c.id == turn_id).values(**DROPPED))
            return WrittenTurn("superseded")
        sent = accept_answer(tx, claimed, number, proposal, row["revision"] + ("mode" in values), limits)
        _decide(tx, turn_id, by, decision, outcome=outcome, message_id=sent["id"])
        if "mode" in values:
            notify_hand_over(tx, claimed, number, proposal)
    return WrittenTurn(outcome, (sent["id"], sent["priority"]) if sent["state"] == State.QUEUED.value else None)


def discard_draft(db: Database, turn_id: str, *, by: Actor, of: Participant | None = None) -> None:
    """Let the answer of a draft never be sent, as an act of `by`. Raises as `send_draft` does."""
    with db.write() as tx:
        if _is_dropped(_lock(tx, turn_id, of)):
            raise _decided()
        _decide(tx, turn_id, by, "discarded")


def _lock(tx: Transaction, turn_id: str, of: Participant | None) -> Row:
    """Return the draft that waits, or one on which the conversation has moved on.

    The conversation is locked before the turn, as where a message of the customer drops the draft.
    """
    of_turn = select(turn.c.lane, turn.c.person).where(turn.c.id == turn_id).subquery()
    same = (conversation.c.lane == of_turn.c.lane, conversation.c.person == of_turn.c.person)
    tx.execute(select(conversation.c.epoch).where(*same).with_for_update(of=conversation))
    row = next(iter(tx.rows(select(turn).where(turn.c.id == turn_id).with_for_update())), None)
    if row is None or (of and (row["person"], row["lane"]) != (of.id, of.lane)):
        raise NotFound("there is no such draft")
    if _is_dropped(row):
        return row
    if row["outcome"] != "draft" or row["decision"]:
        raise _decided()
    if row["content"] is None:
        raise Conflict("the text of this draft is erased: write a reply")
    return row


def _decided() -> Conflict:
    return Conflict("this draft no longer waits: it was sent, discarded, or the conversation has moved on")


def _is_dropped(row: Row) -> bool:
    return all(row[name] == value for name, value in DROPPED.items())


def _apply(tx: Transaction, claimed: ClaimedTurn, rules: AssistantRules, values: Row) -> Row | None:
    """Write what becomes of the conversation, and return it; None if the conversation has moved on.

    One that was handed over when the draft was written stays as it is.
    """
    if tx.execute(update(conversation).where(*is_open(claimed, rules)).values(**values)).rowcount:
        return values
    if "mode" not in values:
        return None
    answered: Row = {name: values[name] for name in ("unanswered", "greeted") if name in values}
    handed_over = is_open(claimed, rules, handed_over=True)
    return answered if tx.execute(update(conversation).where(*handed_over).values(**answered)).rowcount else None


def _check(tx: Transaction, row: Row, rules: AssistantRules, person: Participant | None) -> None:
    """Check what the gate would refuse later, so that the person who decides learns why."""
    if rules.mode == "shadow" or not rules.answers(row["lane"], row["person"], person.number if person else None):
        raise Conflict("the assistant does not answer this person any more: write a reply")
    if is_off(tx):
        raise Conflict("the assistant is off: write a reply, or switch it on with `harkara assistant on`")
    if person and person.window_ends_at(tx.now) is None:
        raise Conflict("the 24-hour window is closed: send a template, which opens the conversation when they answer")


def _edited(proposal: Proposal, texts: Sequence[str] | None) -> tuple[Proposal, Decision]:
    if texts is None or tuple(texts) == proposal.texts:
        return proposal, "unchanged"
    if not texts:
        raise Invalid("text", "must not be empty")
    if len(texts) > MOST_MESSAGES:
        raise Invalid("text", "must be at most three messages")
    return replace(proposal, texts=tuple(texts)), "edited"


def _of_draft(row: Row) -> Proposal:
    content = json.loads(row["content"])
    return Proposal(
        texts=tuple(content["texts"]),
        buttons=tuple(content["buttons"]),
        source=row["source"],
        hand_over=row["hand_over"],
        summary=row["summary"],
    )


def _decide(tx: Transaction, turn_id: str, by: Actor, decision: Decision, **values: Any) -> None:
    decided = {"decision": decision, "decided_by": by.name[:80], **values}
    tx.execute(update(turn).where(turn.c.id == turn_id).values(decided))
    record_act(tx, by, "turn.discarded" if decision == "discarded" else "turn.approved", turn_id, filter=decision)
