"""What each process runs and needs, and the oldest release that works with the schema.

The columns are nullable: a process of the release before writes none of them, and counts as one of an unknown release.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0035"
down_revision = "0033"
branch_labels = None
depends_on = None

_TEXTS = {"release": 40, "revision": 8}


def upgrade() -> None:
    for name, length in _TEXTS.items():
        op.add_column("process", sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=True))
    op.add_column("process", sa.Column("connections", sa.Integer(), nullable=True))
    oldest = sa.Column("oldest_revision", sqlmodel.sql.sqltypes.AutoString(length=8), nullable=True)
    op.add_column("identity", oldest)


def downgrade() -> None:
    op.drop_column("identity", "oldest_revision")
    for name in ("connections", *reversed(_TEXTS)):
        op.drop_column("process", name)
