"""The timeline of PostgreSQL on which the ledger was last known to have every POST.

The column is nullable: a process of the release before never reads it, and SQLite has no timeline.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("identity", sa.Column("timeline", sqlmodel.sql.sqltypes.AutoString(length=8), nullable=True))


def downgrade() -> None:
    op.drop_column("identity", "timeline")
