"""Write what the assistant proposes: the turn as its proof, and the answer as a message with a revision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import and_, insert, select, update

from harkara.assistant.rules import AssistantRules, Billing
from harkara.assistant.talk import Proposal, Talk
from harkara.assistant.voice import GIVEN_BACK, HANDED_OVER, REENGAGED
from harkara.ledger.assistant_switch import is_on
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.charges.turns import charge_turn
from harkara.ledger.conversations.due_turns import ClaimedTurn
from harkara.ledger.conversations.talk import ASSISTANT
from harkara.ledger.database import Database
from harkara.ledger.messages.due import find_obstacles
from harkara.ledger.messages.insert_rows import insert_messages, message_row
from harkara.ledger.tables import conversation, message, turn
from harkara.ledger.transaction import Row, Transaction
from harkara.messages import Button, Buttons, Envelope, Template, Text
from harkara.people.names import normalize_stored
from harkara.states import State

TurnOutcome = Literal["sent", "superseded", "handed-over", "draft", "failed", "shadow", "silent"]

HANDED_OVER_CALLBACK = "conversation.handed-over"

_AT_ONCE = frozenset({"asked", "anger", "repeated", "robot"})
"""Why a customer needs a person whatever someone decides about the words of a draft."""


class WrittenTurn(NamedTuple):
    """What became of a proposal. `hint` is the (id, priority) of a message that a worker may send now."""

    outcome: TurnOutcome
    hint: tuple[str, int] | None = None


class AnswerLimits(NamedTuple):
    """`deadlines` are those of `accept`, `queued_seconds` the lease of a message that is hinted at once.

    `human_help` is the template that replaces the backup sentence where the 24-hour window is shut.
    """

    deadlines: Mapping[str, float]
    queued_seconds: float
    human_help: str | None = None


def write_turn(
    db: Database, claimed: ClaimedTurn, talk: Talk, proposal: Proposal, rules: AssistantRules, limits: AnswerLimits
) -> WrittenTurn:
    """Write the turn, and accept its answer, if the conversation is as it was when it was claimed.

    Otherwise the turn is `superseded`, and nothing is sent. Raises Unavailable. A call that is repeated after a lost
    reply of the database writes and charges nothing more, and returns the same.
    """
    return _write(db, claimed, talk.number, proposal, rules, limits)


def write_hand_over(
    db: Database, claimed: ClaimedTurn, failure: str, rules: AssistantRules, limits: AnswerLimits
) -> WrittenTurn:
    """As `write_turn`, for a conversation that cannot be read: a person has it from now on. Raises Unavailable."""
    broken = Proposal(texts=(), source="backup", hand_over="failed", failure=failure)
    return _write(db, claimed, None, broken, rules, limits)


def drop_turn(db: Database, claimed: ClaimedTurn) -> None:
    """End a claim without an answer: what was said needs none. Raises Unavailable."""
    with db.write() as tx:
        ended = {"lease_until": None, "turn_due_at": None, "burst_at": None}
        tx.execute(update(conversation).where(*_unchanged(claimed)).values(**ended))
        tx.execute(update(conversation).where(*_own(claimed)).values(lease_until=None))


def _write(
    db: Database,
    claimed: ClaimedTurn,
    number: str | None,
    proposal: Proposal,
    rules: AssistantRules,
    limits: AnswerLimits,
) -> WrittenTurn:
    with db.write() as tx:
        if written := _written(tx, claimed):
            return written
        outcome = _outcome(proposal, rules, number)
        values = new_state(tx, outcome, proposal)
        if not _end_claim(tx, claimed, rules, values):
            _release(tx, claimed, proposal)
            kept = proposal if _lock_conversation(tx, claimed) else replace(proposal, texts=(), summary=None)
            _insert_turn(tx, claimed, kept, "superseded", None, rules.billing)
            return WrittenTurn("superseded")
        revision = claimed.revision + ("mode" in values)
        sends = outcome in ("sent", "handed-over") and proposal.texts
        row = accept_answer(tx, claimed, number, proposal, revision, limits) if sends and number else None
        answered = claimed._replace(revision=revision) if outcome == "draft" else claimed  # a draft waits at it
        _insert_turn(tx, answered, proposal, outcome, row["id"] if row else None, rules.billing)
        if "mode" in values:
            notify_hand_over(tx, claimed, number, proposal)
    return WrittenTurn(outcome, (row["id"], row["priority"]) if row and row["state"] == State.QUEUED.value else None)


def _written(tx: Transaction, claimed: ClaimedTurn) -> WrittenTurn | None:
    """Return what this claim has already written. Its turn has the key of the claim, so that there is one at most."""
    columns = (turn.c.outcome, message.c.id, message.c.priority, message.c.state)
    query = select(*columns).outerjoin_from(turn, message, message.c.id == turn.c.message_id)
    row = tx.execute(query.where(turn.c.id == claimed.turn_id)).first()
    if row is None:
        return None
    return WrittenTurn(row.outcome, (row.id, row.priority) if row.state == State.QUEUED.value else None)


def _outcome(proposal: Proposal, rules: AssistantRules, number: str | None) -> TurnOutcome:
    if rules.mode == "shadow":
        return "shadow"
    if rules.mode == "drafts" and proposal.texts:
        return "draft"
    if (proposal.failure and not proposal.texts) or (proposal.texts and number is None):
        return "failed"
    if proposal.hand_over:
        return "handed-over"
    return "sent" if proposal.texts else "silent"


def new_state(tx: Transaction, outcome: TurnOutcome, proposal: Proposal) -> Row:
    """Return what becomes of the conversation: an answer counts, and a hand-over gives it to a person.

    The words of a draft wait for a decision, and a customer who asks for a person does not.
    """
    state: Row = {}
    if outcome in ("sent", "handed-over") and proposal.texts:
        state |= {"unanswered": conversation.c.unanswered + 1, "greeted": True}
    if outcome in ("handed-over", "failed") or (outcome == "draft" and proposal.hand_over in _AT_ONCE):
        state |= {"mode": "person", "mode_cause": HANDED_OVER, "mode_since": tx.now, "mode_until": None}
        state |= {"revision": conversation.c.revision + 1}
    return state


def _end_claim(tx: Transaction, claimed: ClaimedTurn, rules: AssistantRules, values: Row) -> bool:
    """Write the new state if nothing has happened since the claim; return whether it was written."""
    ended: Row = {"lease_until": None, "turn_due_at": None, "burst_at": None}
    if claimed.mode_cause == REENGAGED:
        ended["mode_cause"] = GIVEN_BACK
    unchanged = (*_unchanged(claimed), *is_open(claimed, rules))
    return bool(tx.execute(update(conversation).where(*unchanged).values(**ended | values)).rowcount)


def _release(tx: Transaction, claimed: ClaimedTurn, proposal: Proposal) -> None:
    """Let another worker think about what has been said since; a claim that ran out holds nothing."""
    tx.execute(update(conversation).where(*_own(claimed)).values(lease_until=None))
    same = (*_unchanged(claimed), conversation.c.turn_due_at.is_not(None))  # unanswered too often, or not its turn
    tx.execute(update(conversation).where(*same).values(turn_due_at=None, burst_at=None))


def _lock_conversation(tx: Transaction, claimed: ClaimedTurn) -> bool:
    """Keep the conversation until the transaction ends; return whether it still exists.

    An erasure deletes it, and would not find the texts of a turn that is written later.
    """
    of_person = (conversation.c.lane == claimed.lane, conversation.c.person == claimed.person)
    return tx.execute(select(conversation.c.epoch).where(*of_person).with_for_update(read=True)).first() is not None


def _own(claimed: ClaimedTurn) -> tuple[Any, ...]:
    of_person = (conversation.c.lane == claimed.lane, conversation.c.person == claimed.person)
    return (*of_person, conversation.c.epoch == claimed.epoch)


def _unchanged(claimed: ClaimedTurn) -> tuple[Any, ...]:
    return (*_own(claimed), conversation.c.revision == claimed.revision)


def is_open(claimed: ClaimedTurn, rules: AssistantRules, *, handed_over: bool = False) -> tuple[Any, ...]:
    """Return the conditions under which a conversation still is as it was at the revision of a turn.

    With `handed_over`, it is one that the assistant itself has given to a person.
    """
    mode, cause = conversation.c.mode, conversation.c.mode_cause
    return (
        conversation.c.lane == claimed.lane,
        conversation.c.person == claimed.person,
        conversation.c.revision == claimed.revision,
        and_(mode == "person", cause == HANDED_OVER) if handed_over else mode == "assistant",
        conversation.c.unanswered < rules.most_unanswered,
        is_on(),
    )


def accept_answer(
    tx: Transaction, claimed: ClaimedTurn, number: str | None, proposal: Proposal, revision: int, limits: AnswerLimits
) -> Row:
    """Insert the answer: one message with all its texts, so that they keep their order and go out together."""
    assert number is not None
    envelope = Envelope(
        to=normalize_stored(number),
        messages=_messages(proposal),
        lane=claimed.lane,
        producer=ASSISTANT,
        reference=f"answer {claimed.person} {claimed.revision} 0",
        fallback=Template(limits.human_help) if limits.human_help and proposal.source == "backup" else None,
    )
    row: Row = {**message_row(envelope, tx.now, limits.deadlines)}
    row |= {"talk_person": claimed.person, "talk_revision": revision}
    obstacles = find_obstacles(tx, claimed.lane)
    if limits.queued_seconds and not obstacles.unswept and not obstacles.backlog:
        lease = tx.now + timedelta(seconds=limits.queued_seconds)
        row |= {"state": State.QUEUED.value, "lease_until": lease}
    insert_messages(tx, [row])  # type: ignore[list-item]  # with the columns of an answer
    return row


def _messages(proposal: Proposal) -> list[Text | Buttons]:
    *texts, last = proposal.texts
    buttons = [Button(f"answer_{number}", title) for number, title in enumerate(proposal.buttons)]
    return [*(Text(each) for each in texts), Buttons(last, buttons=buttons) if buttons else Text(last)]


def _insert_turn(
    tx: Transaction,
    claimed: ClaimedTurn,
    proposal: Proposal,
    outcome: TurnOutcome,
    message_id: str | None,
    billing: Billing | None,
) -> None:
    content = json.dumps({"texts": proposal.texts, "buttons": proposal.buttons}) if proposal.texts else None
    row = {
        "id": claimed.turn_id,
        "lane": claimed.lane,
        "person": claimed.person,
        "revision": claimed.revision,
        "at": tx.now,
        "outcome": outcome,
        "source": proposal.source,
        "citations": " ".join(proposal.citations)[:1000] or None,
        "hand_over": proposal.hand_over,
        "milliseconds": proposal.milliseconds,
        "tokens": proposal.tokens,
        "price": proposal.price,
        "failure": proposal.failure[:200] if proposal.failure else None,
        "content": content,
        "summary": proposal.summary,
        "message_id": message_id,
    }
    tx.execute(insert(turn), row)
    if proposal.price:
        of_person = (conversation.c.lane == claimed.lane, conversation.c.person == claimed.person)
        tx.execute(update(conversation).where(*of_person).values(cost=conversation.c.cost + proposal.price))
        if billing:
            charge_turn(tx, row, billing)


def notify_hand_over(tx: Transaction, claimed: ClaimedTurn, number: str | None, proposal: Proposal) -> None:
    """Notify the application that a person is to go on, and why."""
    data = {"person": claimed.person, "number": number, "cause": proposal.hand_over or "failed"}
    data |= {"summary": proposal.summary, "at": tx.now.isoformat()}
    notify(tx, HANDED_OVER_CALLBACK, claimed.lane, claimed.person, data)
