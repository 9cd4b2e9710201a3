"""Find lanes whose messages are accepted while no webhook arrives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.tables import attempt

_EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)


def webhook_silences(db: Database, lanes: Mapping[str, Lane]) -> dict[str, float]:
    """Return, for each lane with a webhook secret, the seconds since the first POST that no event has followed.

    0 when an event has followed the last accepted message, or no message was accepted yet. Raises Unavailable.
    """
    rows = [{"lane": name} for name, lane in lanes.items() if lane.webhooks_enabled]
    with db.read() as tx:
        found = tx.execute_each(_FIRST_UNANSWERED, {"lane": "text"}, rows, returning=_LANE_AND_TIME, earliest=_EARLIEST)
        return {lane: (tx.now - first).total_seconds() if first else 0.0 for lane, first in found}


# An attempt without a fingerprint (echo) is older than the lane's secret.
_FIRST_UNANSWERED = """
SELECT each.lane, (
    SELECT started_at FROM attempt
    WHERE attempt.lane = each.lane AND outcome = 'accepted' AND echo IS NOT NULL
        AND started_at > coalesce((SELECT max(received_at) FROM event WHERE event.lane = each.lane), :earliest)
    ORDER BY started_at LIMIT 1
) AS started_at
FROM {each}
"""
_LANE_AND_TIME = (attempt.c.lane, attempt.c.started_at)
