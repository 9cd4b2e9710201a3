"""A batch of rows that one statement locks and changes."""

from __future__ import annotations

from sqlalchemy import Select, select


def lock_batch(query: Select[tuple[str]]) -> Select[tuple[str]]:
    """Return the ids that a query with a limit finds, without rows that another transaction has locked.

    As a subquery of IN, PostgreSQL may run it again for each row of the table. Each run skips what the statement has
    changed and locks other rows instead, so the limit does not hold. A WITH query runs once (PostgreSQL documentation,
    "WITH Queries"). It is within the subquery, since Python does not count the rows of an SQLite statement that begins
    with WITH.
    """
    batch = query.with_for_update(skip_locked=True).cte("batch", nesting=True)
    return select(batch.c.id)
