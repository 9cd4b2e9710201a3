"""Resend: send uncertain messages once more, as the policy of their category says."""

from __future__ import annotations

from sqlalchemy import select

from harkara.ledger.conditions import in_state
from harkara.ledger.events.negative_evidence import DoubtfulMessage, has_negative_evidence, has_unread_event
from harkara.ledger.messages.trace import change_state
from harkara.ledger.tables import message
from harkara.ledger.transaction import Row, Transaction
from harkara.states import Action, State, allowed_from

MAX_EVIDENCE_CHECKS = 20
"""Messages for which one transaction searches the events."""

_RESENDABLE = in_state(*allowed_from(State.WAITING, by=Action.RESEND))
_RESEND: Row = {
    "resend_at": None,
    "maybe_duplicate": True,
    "resends": message.c.resends + 1,
    "code": "resend",
    "reason": "No answer came to the last try; its category's policy sends it once more, perhaps a second time.",
}
_NO_EVIDENCE: Row = {
    "resend_at": None,
    "code": "no-evidence",
    "reason": "No webhook shows that the last try did not arrive, so it is not sent again by itself: ask whether the "
    "recipient has it, then decide with `harkara resolve`.",
}


def resend(tx: Transaction) -> int:
    """Make the messages due whose time for a resend has come; return how many.

    Where the policy wants evidence that the last try did not arrive, webhooks decide; without any, an operator does.
    """
    due = (_RESENDABLE, message.c.resend_at <= tx.now, message.c.expires_at > tx.now)
    columns = _RESEND | {"due_at": tx.now}
    changed = change_state(tx, State.WAITING, select(message.c.id).where(*due, ~message.c.on_evidence), columns)
    fields = (message.c[name] for name in DoubtfulMessage._fields)
    on_evidence = select(*fields).where(*due, message.c.on_evidence).limit(MAX_EVIDENCE_CHECKS)
    for doubtful in tx.load(DoubtfulMessage, on_evidence.with_for_update(skip_locked=True)):
        if has_unread_event(tx, doubtful):
            continue
        one = select(message.c.id).where(message.c.id == doubtful.id, _RESENDABLE)
        if has_negative_evidence(tx, doubtful):
            changed += change_state(tx, State.WAITING, one, columns)
        else:
            changed += change_state(tx, State.UNCERTAIN, one, _NO_EVIDENCE)
    return changed
