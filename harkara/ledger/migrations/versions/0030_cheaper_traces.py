"""Traces without a foreign key.

No message is ever deleted, and a line of a trace is only written for a message that its statement has just changed or
inserted. So the foreign key guarded nothing, and PostgreSQL checked it by a query for each line, which also locked the
message. The audit finds a line without its message. Workers of the release before go on meanwhile.
"""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_KEY = "fk_trace_message_id"


def upgrade() -> None:
    _lock()
    with op.batch_alter_table("trace") as batch_op:
        batch_op.drop_constraint(op.f(_KEY), type_="foreignkey")


def downgrade() -> None:
    _lock()
    with op.batch_alter_table("trace") as batch_op:
        batch_op.create_foreign_key(op.f(_KEY), "message", ["message_id"], ["id"])


def _lock() -> None:
    """Lock both tables in the order in which workers do, since the other order would be a deadlock with them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("LOCK TABLE message, trace IN ACCESS EXCLUSIVE MODE")
