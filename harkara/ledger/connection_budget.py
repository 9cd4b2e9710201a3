"""The connections that PostgreSQL allows, those that others use, and those that the processes of this ledger need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from harkara.ledger.database import Database

_LIMITS = text("""
WITH own AS (
    SELECT role.oid AS role, role.rolname, role.rolconnlimit, base.oid AS base, base.datname, base.datconnlimit
    FROM pg_roles AS role, pg_database AS base
    WHERE role.rolname = current_user AND base.datname = current_database()
), session AS (
    SELECT usesysid, datid, application_name = 'harkara' AND datid = own.base AS ours
    FROM pg_stat_activity, own
    WHERE usesysid IS NOT NULL AND datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
)
SELECT 'max_connections', current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0),
    count(*) FILTER (WHERE NOT ours), count(*) FILTER (WHERE ours)
FROM session
UNION ALL
SELECT 'CONNECTION LIMIT of the user ' || rolname, rolconnlimit,
    count(*) FILTER (WHERE NOT ours), count(*) FILTER (WHERE ours)
FROM own LEFT JOIN session ON usesysid = role WHERE rolconnlimit >= 0 GROUP BY rolname, rolconnlimit
UNION ALL
SELECT 'CONNECTION LIMIT of the database ' || datname, datconnlimit,
    count(*) FILTER (WHERE NOT ours), count(*) FILTER (WHERE ours)
FROM own LEFT JOIN session ON datid = base WHERE datconnlimit >= 0 GROUP BY datname, datconnlimit
""")
"""What superusers have reserved is no one else's (PostgreSQL documentation, "Connections and Authentication")."""


@dataclass(frozen=True, slots=True)
class ConnectionLimit:
    """A limit by its name in PostgreSQL: the most connections, those of other programs, and those of this ledger."""

    name: str
    most: int
    others: int
    ours: int

    def missing(self, needed: int) -> int:
        """How many connections are too few for processes that need this many; 0 if there is room."""
        return max(0, self.others + max(needed, self.ours) - self.most)


def connection_limits(db: Database) -> list[ConnectionLimit]:
    """Return the limits; none on SQLite, and none behind a pooler, whose clients have limits of its own.

    Raises Unavailable.
    """
    if db.sqlite or db.pooled():
        return []
    with db.read() as tx:
        return tx.load(ConnectionLimit, _LIMITS)


def tightest(limits: Sequence[ConnectionLimit], needed: int) -> ConnectionLimit | None:
    """Return the limit that lacks most connections, or has the fewest left."""
    return max(limits, key=lambda limit: limit.others + max(needed, limit.ours) - limit.most, default=None)
