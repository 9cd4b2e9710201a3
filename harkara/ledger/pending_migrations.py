"""What an upgrade would change: the pending migrations, the tables that they alter, and what holds their locks."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text

from harkara.ledger.database import Database
from harkara.ledger.schema_state import SCRIPTS, SchemaState

_ALTERS = {
    "add_column": 0,
    "alter_column": 0,
    "batch_alter_table": 0,
    "create_check_constraint": 1,
    "create_index": 1,
    "drop_column": 0,
    "drop_constraint": 1,
    "drop_index": 1,
    "drop_table": 0,
}
"""Operations on a table that exists, with the position of its name among their arguments."""

_ROWS = text("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass(:name)")

_OLDEST = text("""
SELECT extract(epoch FROM clock_timestamp() - xact_start), coalesce(nullif(application_name, ''), 'a program')
FROM pg_stat_activity
WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'
ORDER BY xact_start LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class PendingMigration:
    """A migration that the database lacks: its revision, what it does, and the tables that it alters."""

    revision: str
    about: str
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """The oldest open transaction of the database: its age in seconds, and its program."""

    seconds: float
    program: str


def pending_migrations(state: SchemaState) -> list[PendingMigration]:
    """Return the migrations that the database lacks, in their order."""
    return [read_migration(revision) for revision in state.missing]


def read_migration(revision: str) -> PendingMigration:
    """Read a migration of this release, without running it."""
    (path,) = SCRIPTS.glob(f"versions/{revision}_*.py")
    module = ast.parse(path.read_text("utf-8"))
    about = (ast.get_docstring(module) or "").partition("\n")[0]
    upgrade = next(node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade")
    return PendingMigration(revision, about, tuple(sorted(_altered(upgrade) | _indexed(module))))


def count_rows(db: Database, tables: Collection[str]) -> dict[str, int]:
    """Return about how many rows each table has, by PostgreSQL's statistics; nothing on SQLite. Raises Unavailable."""
    if db.sqlite:
        return {}
    with db.read() as tx:
        found = {name: tx.execute(_ROWS, {"name": f'"{name}"'}).scalar() for name in tables}
    return {name: int(rows) for name, rows in found.items() if rows is not None}


def oldest_transaction(db: Database) -> OpenTransaction | None:
    """Return the transaction that a migration would wait for longest; None on SQLite. Raises Unavailable.

    PostgreSQL shows the age of other users' transactions to a member of pg_read_all_stats alone.
    """
    if db.sqlite:
        return None
    with db.read() as tx:
        found = tx.execute(_OLDEST).first()
    return OpenTransaction(float(found[0]), str(found[1])) if found else None


def _indexed(module: ast.Module) -> set[str]:
    """Return the tables of the indexes that PostgreSQL builds before a migration."""
    calls = (node for node in ast.walk(module) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    tables = (call.args[1] for call in calls if call.func.id == "OnlineIndex")  # type: ignore[attr-defined]
    return {str(table.value) for table in tables if isinstance(table, ast.Constant)}


def _altered(upgrade: ast.FunctionDef) -> set[str]:
    """Return the names of tables that are constants in the calls of an upgrade, but for the tables that it creates."""
    named: set[str] = set()
    created: set[str] = set()
    for node in ast.walk(upgrade):
        match node:
            case ast.Call(func=ast.Attribute(attr="create_table"), args=[ast.Constant(value=str(table)), *_]):
                created.add(table)
            case ast.Call(func=ast.Attribute(attr=operation), args=arguments) if operation in _ALTERS:
                named |= {
                    each.value
                    for each in arguments[_ALTERS[operation] :][:1]
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
            case _:
                pass
    return named - created
