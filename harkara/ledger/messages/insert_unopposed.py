"""Insert the new messages that nothing opposes, by one statement for the checks and the rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from harkara.ledger.database import Database
from harkara.ledger.messages.due import BACKLOG, HELD, UNSWEPT, unswept_since
from harkara.ledger.messages.insert_rows import COMMON, OWN, NewMessage, in_order_of_locks
from harkara.ledger.transaction import Row

_GIVEN = (
    *("lane", "producer", "kind", "template", "category", "traceparent", "priority", "weight", "quiet"),
    *("due_at", "planned_at", "expires_at", "created_at", "changed_at"),
)
_OWN = {name: kind for name, kind in OWN.items() if name != "position"}
_COMMON = {name: COMMON[name] for name in _GIVEN}
_NAMES = ", ".join(_OWN | _COMMON)
_BACKLOG, _HELD = BACKLOG.format(lane="each.lane"), HELD.format(lane="each.lane")

# Scalar subqueries, since PostgreSQL could join EXISTS in another order than that of the rows.
_INSERT = f"""
WITH judged AS MATERIALIZED (
    SELECT each.*, lease_until IS NOT NULL AND NOT {UNSWEPT} AND (priority = 0 OR NOT {_BACKLOG}) AS direct
    FROM {{each}}
    WHERE (SELECT stopped FROM contact WHERE contact.lane = each.lane AND contact.recipient = each.recipient) IS NULL
)
INSERT INTO message ({_NAMES}, state, lease_until)
SELECT {_NAMES}, CASE WHEN direct THEN 'queued' ELSE 'waiting' END, CASE WHEN direct THEN lease_until END
FROM judged AS each WHERE direct OR lease_until IS NULL OR NOT {_HELD}
ON CONFLICT DO NOTHING RETURNING id, state
"""


def insert_unopposed(db: Database, rows: Sequence[NewMessage], now: datetime, lease: datetime | None) -> dict[str, str]:
    """Insert the rows that one statement finds unopposed; return their states by id.

    With `lease`, a row that is due becomes `queued` until then if nothing is against its direct hint (see `Obstacles`).
    Left out are rows that exist already, rows to a person with an opt-out, and rows behind a backlog whose producer may
    be on hold. Raises Unavailable.
    """
    if not rows:
        return {}
    given = in_order_of_locks(rows)
    if lease is not None:  # otherwise none has a lease
        given = [row | {"lease_until": lease if row["due_at"] <= now else None} for row in given]
    common = _COMMON | {"lease_until": COMMON["lease_until"]}
    return dict(db.execute_runs(_INSERT, common, _OWN, cast(list[Row], given), now=now, unswept=unswept_since(now)))
