"""Park and unpark a lane, as an operator decides, with the act in the log."""

from __future__ import annotations

from typing import Final

from harkara.errors import Conflict, Invalid
from harkara.ledger.database import Database
from harkara.ledger.halts import OPERATOR, add_halt, lift_halts
from harkara.ledger.restore import lanes_to_recover
from harkara.ledger.transaction import Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.outcomes import Pause

LONGEST_REASON: Final = 200


def park_lane(db: Database, lane: str, reason: str, *, by: Actor) -> None:
    """Stop a lane until someone unparks it: its messages wait and use up no attempts.

    Without a reason, it names the actor. Raises Invalid for a reason that is too long, and Conflict after a restore.
    """
    if len(reason) > LONGEST_REASON:
        raise Invalid("reason", "must have at most 200 characters", str(len(reason)))
    with db.write() as tx:
        _refuse_restored(tx, lane)
        add_halt(tx, lane, Pause("lane", None, OPERATOR, reason or f"Decided by {by.name}."))
        record_act(tx, by, "lane.parked", lane, filter=reason or None)


def unpark_lane(db: Database, lane: str, *, by: Actor) -> int:
    """Lift the halts of a lane and of its templates, and make their messages due; return how many were lifted.

    Raises Conflict after a restore.
    """
    with db.write() as tx:
        _refuse_restored(tx, lane)
        lifted = lift_halts(tx, lane)
        record_act(tx, by, "lane.unparked", lane, number=lifted)
    return lifted


def _refuse_restored(tx: Transaction, lane: str) -> None:
    """What may have been sent, and is missing in the ledger, must first be marked."""
    if lane in lanes_to_recover(tx):
        raise Conflict("the ledger lacks POSTs that were made: stop the workers and run `harkara recover` first")
