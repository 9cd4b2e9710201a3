"""Claim: one worker takes a chunk of messages under a lease; whoever comes second gets nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from harkara.ledger.database import Database
from harkara.ledger.tables import message


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message in the hands of this worker. `epoch` fences: a later claim makes every write of this one fail."""

    id: str
    epoch: int
    lane: str
    producer: str
    recipient: str
    kind: str
    template: str | None
    category: str
    priority: int
    quiet: bool
    body: str
    weight: int
    expires_at: datetime
    tries: int
    waits: int
    waited_for: str | None
    resends: int
    maybe_duplicate: bool
    claimed_at: datetime
    occasion_id: str | None = None
    fallback: str | None = field(default=None, repr=False)


_TAKEN = tuple(message.c[f.name] for f in fields(Claimed) if f.name not in ("claimed_at",))

# By hand, as all of the hot path: to build and translate the expression costs more than the database's work. What
# somebody else has locked is his: two workers with the same hint must not wait for each other.
_CLAIM = f"""
UPDATE message
SET state = 'claimed', epoch = epoch + 1, claims = claims + 1, strikes = strikes + 1,
    lease_until = :lease, changed_at = :now
WHERE id IN (
    SELECT message.id FROM message JOIN {{each}} ON message.id = each.id
    WHERE coalesce(state, '') = 'queued' OR (coalesce(state, '') = 'waiting' AND due_at <= :now)
    {{skip_locked}}
)
RETURNING {", ".join(column.name for column in _TAKEN)}
"""


def claim(db: Database, ids: Sequence[str], lease_seconds: float) -> list[Claimed]:
    """Takes those of `ids` that are hinted or due, most urgent first; the others are somebody else's by now.

    One conditional UPDATE for all. It counts the claims, so that the sweep knows a message for poison which has been
    claimed too often without an outcome. Raises Unavailable.
    """
    with db.write(autocommit=True) as tx:
        lease = tx.now + timedelta(seconds=lease_seconds)
        wanted = [{"id": identity} for identity in ids]
        rows = tx.execute_each(_CLAIM, {"id": "text"}, wanted, returning=_TAKEN, now=tx.now, lease=lease)
        claimed = [Claimed(**row, claimed_at=tx.now) for row in rows.mappings()]
    return sorted(claimed, key=lambda one: (one.priority, one.expires_at, one.id))
