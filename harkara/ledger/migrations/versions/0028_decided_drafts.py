"""Drafts of the assistant: what a person has decided about each.

The column is empty for drafts that wait, and a worker of the release before never reads it.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0028"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turn", sa.Column("decision", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=True))


def downgrade() -> None:
    op.drop_column("turn", "decision")
