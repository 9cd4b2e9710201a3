"""Who answers a conversation: the assistant, a person for a time, or a person alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update

from harkara.assistant.voice import ConversationMode
from harkara.errors import NotFound
from harkara.ledger.conversations.people import Participant
from harkara.ledger.conversations.record import GIVE_BACK, drop_answers
from harkara.ledger.database import Database
from harkara.ledger.tables import conversation
from harkara.ledger.transaction import Transaction
from harkara.ledger.users.acts import Actor, record_act


def assign_to_person(db: Database, person: Participant, *, by: Actor, hold: timedelta = GIVE_BACK) -> None:
    """Let a person of the business answer from now on: an act of `by`, which the assistant respects for `hold`.

    Raises NotFound if nothing was ever said, as the functions below do, and Unavailable.
    """
    _change(db, person, "person", "assigned", by, hold)


def give_back(db: Database, person: Participant, *, by: Actor) -> None:
    """Let the assistant answer again what the customer writes next."""
    _change(db, person, "assistant", "given-back", by)


def switch_off(db: Database, person: Participant, *, by: Actor) -> None:
    """Let the assistant never answer this conversation, until it is given back."""
    _change(db, person, "off", "switched-off", by)


def set_mode(
    tx: Transaction, lane: str, person: str, mode: ConversationMode, cause: str, until: datetime | None = None
) -> bool:
    """Change who answers; return whether there is such a conversation. Answers that have not left are cancelled."""
    of_person = (conversation.c.lane == lane, conversation.c.person == person)
    changed = {
        "mode": mode,
        "mode_cause": cause,
        "mode_since": tx.now,
        "mode_until": until,
        "revision": conversation.c.revision + 1,
        "turn_due_at": None,
        "burst_at": None,
    }
    if not tx.execute(update(conversation).where(*of_person).values(**changed)).rowcount:
        return False
    drop_answers(tx, lane, [person])
    return True


def _change(
    db: Database, person: Participant, mode: ConversationMode, cause: str, by: Actor, hold: timedelta | None = None
) -> None:
    with db.write() as tx:
        if not set_mode(tx, person.lane, person.id, mode, cause, tx.now + hold if hold else None):
            raise NotFound("there is no conversation with this person yet")
        record_act(tx, by, f"conversation.{cause}", f"{person.lane} {person.number or person.id}")
