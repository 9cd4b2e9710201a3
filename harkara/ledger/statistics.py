"""Statistics by which PostgreSQL plans queries: which tables have outgrown theirs, and how they are renewed.

PostgreSQL's own autovacuum looks once in a minute (`autovacuum_naptime`). Statistics from a time when a table had a few
rows make the planner expect one row where a bulk has added 200,000 since.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

from harkara.ledger.database import Database
from harkara.ledger.tables import all_tables

FEWEST_CHANGES: Final = 1000
CHANGED_PART: Final = 0.5
"""A table has outgrown its statistics after FEWEST_CHANGES and changes of this part of its rows. Autovacuum analyzes
after a tenth of the rows (`autovacuum_analyze_scale_factor`).
"""

# ANALYZE only warns a user who lacks the right to it (PostgreSQL documentation, ANALYZE). The owners of the table and
# of the database have it, and since PostgreSQL 17 a user with the privilege MAINTAIN.
_OUTGROWN = text("""
SELECT relation.relname
FROM pg_stat_user_tables AS counters
JOIN pg_class AS relation ON relation.oid = counters.relid
JOIN pg_database AS own ON own.datname = current_database()
WHERE relation.relname = ANY(:tables) AND pg_table_is_visible(relation.oid)
    AND counters.n_mod_since_analyze > :fewest + :part * greatest(relation.reltuples, 0)
    AND (
        pg_has_role(relation.relowner, 'USAGE') OR pg_has_role(own.datdba, 'USAGE')
        OR CASE WHEN current_setting('server_version_num')::int >= 170000
            THEN has_table_privilege(relation.oid, 'MAINTAIN') ELSE false END
    )
ORDER BY relation.relname
""").bindparams(tables=list(all_tables().tables), fewest=FEWEST_CHANGES, part=CHANGED_PART)


def outgrown_tables(db: Database) -> list[str]:
    """Return the tables that have outgrown their statistics and that this user may analyze; none on SQLite.

    PostgreSQL counts the changes of a session with a delay of about a second. Raises Unavailable and LedgerError.
    """
    if db.sqlite:
        return []
    with db.read() as tx:
        return [name for (name,) in tx.execute(_OUTGROWN)]


def analyze(db: Database, table: str) -> None:
    """Renew the statistics of a table, unless another session has locked it, such as a VACUUM.

    Raises Unavailable and LedgerError.
    """
    # In a transaction, since the limits of time are also valid there behind a pooler.
    with db.write() as tx:
        tx.execute(text(f"ANALYZE (SKIP_LOCKED) {table}"))
