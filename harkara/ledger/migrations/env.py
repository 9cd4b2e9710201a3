"""Alembic's environment: runs all pending migrations in one transaction on the given connection."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from harkara.ledger.tables import all_tables

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=all_tables(),
    render_as_batch=True,  # SQLite cannot alter most of a table in place
)
with context.begin_transaction():
    if connection.dialect.name == "postgresql":
        # Two processes that start at the same time must not both create the tables.
        connection.execute(text("SELECT pg_advisory_xact_lock(7417223)"))
    context.run_migrations()
connection.commit()
