"""Climb: what events say of messages moves these up the ladder, whatever the order in which it comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update

from harkara.inbound import ladder
from harkara.inbound.matching import Candidate, names
from harkara.inbound.window import standing
from harkara.ledger.conditions import still_in
from harkara.ledger.database import Row, Transaction
from harkara.ledger.events.evidence import BY_CONTENT, BY_ID
from harkara.ledger.events.find import Known, Said, find
from harkara.ledger.halts import add_halts
from harkara.ledger.messages.record import add_trace, final_columns
from harkara.ledger.tables import attempt, contact, message
from harkara.outcomes import Pause, Refused
from harkara.playbook import Playbook
from harkara.states import State

FRESH = timedelta(minutes=10)
"""What failed longer ago holds back nobody now: its cause may have been put right since."""


@dataclass(frozen=True, slots=True)
class Step:
    """An event and its message as it found it; the state that it raises the message to, and why it failed, if so."""

    said: Said
    found: Candidate
    to: State | None
    failure: Refused | None


def climb(tx: Transaction, batch: Sequence[Said], playbook: Playbook) -> list[Said]:
    """Folds events of a status; returns those that no message was found for."""
    known = find(tx, batch)
    steps: list[Step] = []
    missed: list[Said] = []
    for said in sorted(batch, key=lambda one: (one.event.at, one.row["id"])):
        found = known.match(said)
        if found is None:
            missed.append(said)
            continue
        to = ladder.fold(found.state, said.event.status)
        failure = _failure(tx, known.rows[found.id], said, playbook) if to is State.FAILED else None
        steps.append(Step(said, found, to, failure))
        known.learn(found, said, to or found.state)
    if steps:
        _write(tx, known, steps)
    return missed


def _failure(tx: Transaction, row: Row, said: Said, playbook: Playbook) -> Refused:
    """What the code means, by the window as it stood when the message went."""
    mine = select(contact.c.wrote_at).where(contact.c.lane == row["lane"], contact.c.recipient == row["recipient"])
    window = standing(tx.execute(mine).scalar(), row["posted_at"] or tx.now).window
    raw = row["kind"] != "template"
    return playbook.undelivered(said.event.code, said.event.reason, raw=raw, window=window)


def _write(tx: Transaction, known: Known, steps: Sequence[Step]) -> None:
    """Messages, then attempts, then halts, as everybody who writes several of them."""
    for step in sorted(steps, key=lambda one: one.found.id):  # those of one message stay in their order
        _move(tx, known, step)
    _close_posts(tx, [row["id"] for row in known.rows.values() if row["state"] == State.SENDING], steps)
    told = [{"id": step.said.row["id"], "message_id": step.found.id} for step in steps]
    tx.execute_each(_FOLDED, {"id": "integer", "message_id": "text"}, told)
    add_halts(tx, _halts(tx, known, steps))


_FOLDED = """
UPDATE event SET state = 'folded', message_id = each.message_id, body = NULL FROM {each} WHERE event.id = each.id
"""


def _move(tx: Transaction, known: Known, step: Step) -> None:
    """One step of a message, with its line in the trace; one that leads nowhere may still tell WhatsApp's id of it."""
    values: Row = {"whatsapp_id": known.one[step.found.id].whatsapp_id}
    if step.to:
        code, reason = _why(step)
        values |= {"state": step.to.value, "changed_at": tx.now, **final_columns(code, reason)}
    was = still_in(step.found.state)
    tx.execute(update(message).where(message.c.id == step.found.id, was).values(**values))
    if step.to:
        _note(tx, step)


def _why(step: Step) -> tuple[str | None, str | None]:
    if step.failure is None:
        return None, None
    advice, text = step.failure.advice, step.failure.text
    return step.failure.code, f"{advice} WhatsApp said: {text}" if text else advice


def _note(tx: Transaction, step: Step) -> None:
    """A line in the trace: how the message was known, and when it happened by Chat Mitra's clock."""
    code, reason = _why(step)
    told = f"webhook of {step.said.event.at.isoformat(timespec='seconds')}"
    how = BY_ID if names(step.said.event, step.found) else BY_CONTENT
    add_trace(tx, step.found.id, str(step.to), code or how, f"{told}: {reason}" if reason else told)


def _halts(tx: Transaction, known: Known, steps: Sequence[Step]) -> Iterator[tuple[str, Pause, str | None]]:
    for step in steps:
        if step.said.event.at >= tx.now - FRESH and (pause := step.failure and step.failure.pause):
            row = known.rows[step.found.id]
            yield row["lane"], pause, row["template"]


def _close_posts(tx: Transaction, sending: Sequence[str], steps: Sequence[Step]) -> None:
    """No answer has been recorded for these yet. Should one come, it is written over this."""
    raised = {step.found.id for step in steps if step.to}.intersection(sending)
    if raised:
        mine = (attempt.c.message_id.in_(sorted(raised)), attempt.c.ended_at.is_(None), attempt.c.outcome.is_(None))
        tx.execute(update(attempt).where(*mine).values(outcome="uncertain", code="webhook"))
