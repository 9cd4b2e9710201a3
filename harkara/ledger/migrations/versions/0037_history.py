"""Deletion of old messages: the sums that stay in their campaigns, and the indexes that their other ids need.

PostgreSQL looks for the other ids and the replaced POSTs of each message that is deleted, since their tables have
foreign keys. A worker of the release before goes on: the count starts at 0, and it deletes nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_INDEXES = {"ix_alias_message_id": "alias", "ix_replaced_post_message_id": "replaced_post"}


def upgrade() -> None:
    op.add_column("campaign", sa.Column("deleted", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("campaign", sa.Column("deleted_results", sa.Text(), nullable=True))
    for name, table in _INDEXES.items():
        op.create_index(name, table, ["message_id"])


def downgrade() -> None:
    for name, table in _INDEXES.items():
        op.drop_index(name, table)
    op.drop_column("campaign", "deleted_results")
    op.drop_column("campaign", "deleted")
