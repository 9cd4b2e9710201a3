"""Attempts without a foreign key and, on PostgreSQL, with room in their pages for the outcome.

No message is ever deleted, and an attempt is only written together with the change of its message: the foreign key
guarded nothing, and was checked for each POST. With room in the page, an outcome adds no entries to the three indexes.
Workers of the release before go on meanwhile.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEY = "fk_attempt_message_id"


def upgrade() -> None:
    _lock()
    with op.batch_alter_table("attempt") as batch_op:
        batch_op.drop_constraint(op.f(_KEY), type_="foreignkey")
    if _on_postgresql():
        op.execute("ALTER TABLE attempt SET (fillfactor = 60)")


def downgrade() -> None:
    _lock()
    if _on_postgresql():
        op.execute("ALTER TABLE attempt RESET (fillfactor)")
    with op.batch_alter_table("attempt") as batch_op:
        batch_op.create_foreign_key(op.f(_KEY), "message", ["message_id"], ["id"])


def _lock() -> None:
    """Lock both tables in the order in which workers do, since the other order would be a deadlock with them."""
    if _on_postgresql():
        op.execute("LOCK TABLE message, attempt IN ACCESS EXCLUSIVE MODE")


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
