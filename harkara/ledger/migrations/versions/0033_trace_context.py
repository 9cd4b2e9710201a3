"""The W3C Trace Context of a message.

The column is nullable, so that a worker of the release before goes on: its messages have none.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("traceparent", sqlmodel.sql.sqltypes.AutoString(length=55), nullable=True))


def downgrade() -> None:
    op.drop_column("message", "traceparent")
