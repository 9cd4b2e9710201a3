"""Indexes for the search of messages by recipient, state, code, template, flag and time, newest first.

A new message pays for two of them, template and time. The others cover what is settled, or what has a reason.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_SETTLED = "state IN ('uncertain', 'accepted', 'sent', 'delivered', 'read', 'failed', 'cancelled')"
_INDEXES: dict[str, tuple[list[str], str | None]] = {
    "ix_message_recipient": (["recipient", "created_at"], f"recipient IS NOT NULL AND {_SETTLED}"),
    "ix_message_state": (["state", "created_at"], _SETTLED),
    "ix_message_code": (["code", "created_at"], "code IS NOT NULL"),
    "ix_message_template": (["template", "created_at"], "template IS NOT NULL"),
    "ix_message_flagged": (["created_at"], "maybe_duplicate"),
    "ix_message_created": (["created_at"], None),
}


def upgrade() -> None:
    for name, (columns, where) in _INDEXES.items():
        condition = sa.text(where) if where else None
        op.create_index(name, "message", columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "message")
