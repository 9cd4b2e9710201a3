"""Record an outcome that another worker spilled; one that cannot be recorded here either becomes a dead letter."""

from __future__ import annotations

import json

import structlog

from harkara.errors import stops_all
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, add_dead_letters
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.record import record

log = structlog.get_logger(__name__)


def record_spilled(db: Database, result: ClaimResult) -> None:
    """Record the outcome once, so that one that no worker can record does not circulate for ever. Raises Unavailable.

    The message of a dead letter becomes `uncertain` when its lease is over.
    """
    try:
        with db.write() as tx:
            record(tx, [result])
    except Exception as error:
        if stops_all(error):
            raise
        log.error("outcome not recorded", action="record_failed", id=result.id, error=type(error).__name__)
        entry, kind = f"{result.id}/{result.epoch}", type(result.outcome).__name__
        add_dead_letters(db, [DeadLetter.of("outcome", entry, kind, error, json.dumps(result.to_dict()))])
