"""Send a reminder of an occasion now, before its time: the planned one, which is then sent no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from harkara.errors import Conflict, NotFound
from harkara.ledger.database import Database
from harkara.ledger.occasions.commands import write_with_reminders
from harkara.ledger.occasions.derivation import lock_reminders, plan_reminders
from harkara.ledger.occasions.received import ReceivedReminders, may_have_arrived, slot, slot_of
from harkara.ledger.occasions.rows import occasion_of
from harkara.ledger.tables import message, occasion
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.occasions import OccasionKey, ReminderPlan
from harkara.states import UNSENT


def remind_now(
    db: Database, key: OccasionKey, plan: ReminderPlan, deadlines: Mapping[str, float], *, by: Actor | None = None
) -> str:
    """Let the reminder that suits this moment be sent now, and return the id of its message.

    It takes the place of the planned one, by a new revision as after a change of the occasion: of both, one is sent. A
    person gets no reminder again that was sent for this time. `by` records the act.

    Raises NotFound, Conflict with the reason why nothing is sent, and Unavailable.
    """
    with db.write() as tx:
        row = _lock(tx, key)
        rule = _rule(row, lock_reminders(tx, [row["id"]])[row["id"]], plan, tx)
        row |= {"revision": row["revision"] + 1}
        write_with_reminders(tx, [row], plan, deadlines, at_once=rule)
        own = (message.c.occasion_id == row["id"], message.c.revision == row["revision"], message.c.rule == rule)
        found = tx.rows(select(message.c.id, message.c.state).where(*own))
        sent = [each["id"] for each in found if each["state"] in UNSENT]
        if not sent:
            raise Conflict("its values no longer fit the template: save it again")
        if by:
            record_act(tx, by, "occasion.reminded", f"{key.kind} {key.reference}", filter=f"rule {rule}", number=1)
    return str(sent[0])


def _lock(tx: Transaction, key: OccasionKey) -> Row:
    same = (occasion.c[name] == value for name, value in key._asdict().items())
    found = tx.rows(select(occasion).where(*same).with_for_update())
    if not found:
        raise NotFound("no occasion has this reference")
    if found[0]["status"] != "open":
        raise Conflict("it is not open any more, so there is nothing to remind of")
    if found[0]["recipient"] is None:
        raise Conflict("its phone number is erased")
    return dict(found[0])


def _rule(row: Row, known: Sequence[Row], plan: ReminderPlan, tx: Transaction) -> str:
    """Return the rule that suits this moment best. Raises Conflict if its reminder is not to be sent any more."""
    rule = next(iter(plan.useful_now(occasion_of(row), tx.now)), None)
    if rule is None:
        raise Conflict("no reminder makes sense now: the rules of its kind say from when to when each of them does")
    (result,) = (each for each in plan_reminders(row, plan, tx.now, rule) if each.rule == rule)
    if given := ReceivedReminders(row, known).given(result):
        if may_have_arrived(given):
            raise Conflict("its reminder was sent already")
        raise Conflict("its reminder was stopped, and its message says why")
    for each in known:
        waits = each["state"] in UNSENT and each["revision"] == row["revision"]
        if waits and slot_of(each) == slot(row, result) and each["due_at"] <= tx.now:
            raise Conflict("its reminder is on its way already")
    return rule
