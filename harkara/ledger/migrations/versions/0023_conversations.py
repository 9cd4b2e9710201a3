"""Conversations, and the sender of each message that a customer wrote.

The messages of earlier releases get their sender, and their conversations, from the workers' sweep: their names are in
JSON that only the application can parse.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_KEY = ["lane", "last_at", "person"]
_UNREAD = sa.text("unread > 0")
_SENT = sa.text("sender IS NOT NULL")
_UNLISTED = sa.text("state = 'folded' AND about = 'received' AND sender IS NULL AND body IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "conversation",
        sa.Column("lane", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("person", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("last_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("unread", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=60), nullable=True),
        sa.PrimaryKeyConstraint("lane", "person", name=op.f("pk_conversation")),
    )
    op.create_index("ix_conversation_lane_last_at", "conversation", _KEY)
    op.create_index("ix_conversation_unread", "conversation", _KEY, sqlite_where=_UNREAD, postgresql_where=_UNREAD)
    op.add_column("event", sa.Column("sender", sqlmodel.sql.sqltypes.AutoString(length=135), nullable=True))
    op.create_index("ix_event_sender", "event", ["sender", "lane", "id"], sqlite_where=_SENT, postgresql_where=_SENT)
    op.create_index("ix_event_unlisted", "event", ["id"], sqlite_where=_UNLISTED, postgresql_where=_UNLISTED)


def downgrade() -> None:
    op.drop_index("ix_event_unlisted", "event")
    op.drop_index("ix_event_sender", "event")
    op.drop_column("event", "sender")
    op.drop_table("conversation")
