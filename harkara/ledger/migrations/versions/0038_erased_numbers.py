"""What stays of a message whose number is erased: its country, and whether its recipient responded to a campaign.

The columns are nullable: a process of the release before erases numbers without them, and such a message counts as one
of an unknown country, as those do that were erased before this migration.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("country", sqlmodel.sql.sqltypes.AutoString(length=4), nullable=True))
    op.add_column("message", sa.Column("answered", sa.Boolean(), nullable=True))
    op.add_column("message", sa.Column("opted_out", sa.Boolean(), nullable=True))
    op.add_column("campaign", sa.Column("deleted_recipients", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("campaign", "deleted_recipients")
    for name in ("opted_out", "answered", "country"):
        op.drop_column("message", name)
