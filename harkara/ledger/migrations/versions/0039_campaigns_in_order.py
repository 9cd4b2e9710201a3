"""The ids and the counts of campaigns, and an index of a message's webhooks.

PostgreSQL builds the index before this migration, while workers write (`harkara/ledger/online_indexes.py`). The columns
are nullable: the release before leaves them empty, and a worker of this one fills them.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

from harkara.ledger.online_indexes import OnlineIndex, has_index

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

ONLINE_INDEXES = (OnlineIndex("ix_event_message_id", "event", ("message_id",), "message_id IS NOT NULL"),)


def upgrade() -> None:
    for index in ONLINE_INDEXES:
        if not has_index(op.get_bind(), index):
            where = sa.text(index.where)
            op.create_index(index.name, index.table, [*index.columns], sqlite_where=where, postgresql_where=where)
    op.add_column("campaign", sa.Column("counts", sa.Text(), nullable=True))
    for name in ("counted_at", "count_due_at"):
        op.add_column("campaign", sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    for name in ("first_id", "last_id"):
        op.add_column("campaign", sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True))


def downgrade() -> None:
    for name in ("last_id", "first_id", "count_due_at", "counted_at", "counts"):
        op.drop_column("campaign", name)
    for index in ONLINE_INDEXES:
        op.drop_index(index.name, index.table)
