"""Alembic's environment: runs all pending migrations in one transaction on the given connection."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from harkara.ledger.tables import all_tables

given = context.config.attributes
connection = given["connection"]
context.configure(
    connection=connection,
    target_metadata=all_tables(),
    render_as_batch=True,  # SQLite cannot alter most of a table in place
    transactional_ddl=True,  # SQLite, too, has one transaction for all; Alembic expects none of it
)
with context.begin_transaction():
    if connection.dialect.name == "postgresql":
        # A long wait for a lock stops all writes to the table; the work itself may take long, and must not be cut off.
        connection.execute(text(f"SET LOCAL lock_timeout = {int(given['lock_seconds'] * 1000)}"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        # Two processes that start at the same time must not both create the tables.
        connection.execute(text("SELECT pg_advisory_xact_lock(7417223)"))
    context.run_migrations()
    given["finish"]()
connection.commit()
