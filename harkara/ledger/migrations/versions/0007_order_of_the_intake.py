"""Store what was applied of the intake: the last position of each occasion, applied entries and dead letters."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("occasion", sa.Column("stream_position", sqlmodel.sql.sqltypes.AutoString(length=41), nullable=True))
    op.create_table(
        "applied_entry",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applied_entry")),
    )
    op.create_index("ix_applied_entry_at", "applied_entry", ["at"], unique=False)
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("entry", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=1000), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    op.create_index("ix_dead_letter_created_at", "dead_letter", ["created_at"], unique=False)
    op.create_index("uq_dead_letter_source_entry", "dead_letter", ["source", "entry"], unique=True)


def downgrade() -> None:
    op.drop_table("dead_letter")
    op.drop_table("applied_entry")
    op.drop_column("occasion", "stream_position")
