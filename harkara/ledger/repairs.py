"""Repairs: whether the sweep has anything to do, found by one query."""

from __future__ import annotations

from harkara.ledger.database import Database
from harkara.ledger.halts import LANES_TO_RECOVER, MODEL
from harkara.ledger.messages.due import HEADS_ON_SQLITE, MANY_FLOWS, heads_on_postgres
from harkara.ledger.tables.contacts import UNSETTLED

_LEASED = "state IN ('queued', 'claimed', 'sending')"

# Each condition is that of a step of the sweep, and each is answered by a partial index or a small table.
_ANY = f"""
SELECT EXISTS (SELECT 1 FROM message WHERE {_LEASED} AND lease_until <= {{now}})
    OR (
        EXISTS (SELECT 1 FROM worker WHERE lease_until <= {{now}})
        AND EXISTS (SELECT 1 FROM message WHERE {_LEASED} AND state = 'sending')
    )
    OR EXISTS (SELECT 1 FROM message WHERE state = 'uncertain' AND resend_at <= {{now}} AND expires_at > {{now}})
    OR EXISTS (SELECT 1 FROM halt WHERE scope NOT IN ('lane', '{MODEL}') AND until <= {{now}})
    OR EXISTS (SELECT 1 FROM contact WHERE {UNSETTLED})
    OR EXISTS (SELECT 1 FROM contact WHERE person IS NULL)
    OR (SELECT count(*) FROM (SELECT 1 FROM head LIMIT {MANY_FLOWS + 1}) AS counted) > {MANY_FLOWS}
    OR EXISTS (
        SELECT 1 FROM head WHERE head.due_at <= {{now}} AND head.lane NOT IN ({LANES_TO_RECOVER}) AND (
            SELECT 1 FROM message
            WHERE state = 'waiting' AND lane = head.lane AND priority = head.priority AND producer = head.producer
                AND due_at <= {{now}} AND expires_at <= {{now}}
            LIMIT 1
        ) IS NOT NULL
    ) AS needed
"""
_ANY_ON_POSTGRES, _ANY_ON_SQLITE = (
    f"WITH RECURSIVE {heads} {_ANY}" for heads in (heads_on_postgres(), HEADS_ON_SQLITE)
)


def any_repair(db: Database) -> bool:
    """Return whether the sweep could change a row. Raises Unavailable.

    It returns True for many flows, whose deadlines cost more to look through: the sweep does it, in one process.
    """
    (found,) = db.probe(_ANY_ON_SQLITE if db.sqlite else _ANY_ON_POSTGRES)
    return bool(found)
