"""Indexes for the search of messages by recipient, template, state, code and flag, newest first.

On PostgreSQL each change of a state writes to all indexes that cover the row. So none covers what waits or is being
sent, which other indexes find: a new message pays for none of them, and a sent one only from its acceptance on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_SETTLED = "state IN ('uncertain', 'accepted', 'sent', 'delivered', 'read', 'failed', 'cancelled')"
_UNREAD = "state IN ('uncertain', 'accepted', 'sent', 'failed', 'cancelled')"
_INDEXES = {
    "ix_message_recipient": (["recipient", "id"], f"recipient IS NOT NULL AND {_SETTLED}"),
    "ix_message_template": (["template", "id"], f"template IS NOT NULL AND {_SETTLED}"),
    "ix_message_state": (["state", "id"], _UNREAD),
    "ix_message_code": (["code", "id"], "code IS NOT NULL"),
    "ix_message_flagged": (["id"], "maybe_duplicate"),
}


def upgrade() -> None:
    for name, (columns, where) in _INDEXES.items():
        condition = sa.text(where)
        op.create_index(name, "message", columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "message")
