"""Climb: what events say of messages moves these up the ladder, whatever the order in which it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update

from harkara.inbound import ladder
from harkara.inbound.matching import Candidate, names
from harkara.inbound.window import standing
from harkara.ledger.claim import still_in
from harkara.ledger.database import Row, Transaction
from harkara.ledger.events.evidence import BY_CONTENT, BY_ID
from harkara.ledger.events.find import Known, Said, find
from harkara.ledger.halts import halt
from harkara.ledger.record import final, note
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
    raised = [step for step in steps if step.to]
    last = {step.found.id: step for step in raised}
    for identity in sorted({step.found.id for step in steps}):
        _move(tx, known, identity, last.get(identity))
    for step in raised:
        _note(tx, step)
    _close_posts(tx, [identity for identity in sorted(last) if known.rows[identity]["state"] == State.SENDING])
    if steps:
        told = [{"id": step.said.row["id"], "message_id": step.found.id} for step in steps]
        tx.execute_each(_FOLDED, {"id": "integer", "message_id": "text"}, told)
    for step in raised:
        if step.said.event.at >= tx.now - FRESH and (pause := step.failure and step.failure.pause):
            _halt(tx, known.rows[step.found.id], pause)


_FOLDED = """
UPDATE event SET state = 'folded', message_id = each.message_id, body = NULL FROM {each} WHERE event.id = each.id
"""


def _move(tx: Transaction, known: Known, identity: str, step: Step | None) -> None:
    """One message to where its last step led; without a step it only learns the id by which events know it."""
    values: Row = {"whatsapp_id": known.one[identity].whatsapp_id}
    if step and step.to:
        code, reason = _why(step)
        values |= {"state": step.to.value, "changed_at": tx.now, **final(code, reason)}
    was = State(known.rows[identity]["state"])
    tx.execute(update(message).where(message.c.id == identity, still_in(was)).values(**values))


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
    note(tx, step.found.id, str(step.to), code or how, f"{told}: {reason}" if reason else told)


def _halt(tx: Transaction, row: Row, pause: Pause) -> None:
    if pause.scope != "recipient":  # others to the same person find out by themselves
        halt(tx, row["lane"], pause, row["template"])


def _close_posts(tx: Transaction, ids: Sequence[str]) -> None:
    """No answer has been recorded for these yet. Should one come, it is written over this."""
    if ids:
        mine = (attempt.c.message_id.in_(ids), attempt.c.ended_at.is_(None), attempt.c.outcome.is_(None))
        tx.execute(update(attempt).where(*mine).values(outcome="uncertain", code="webhook"))
