"""Add no-shows and messages after an occasion, and record what customers answer to a reminder."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATUS = "ck_occasion_status"
_FOLLOW_UP = sa.text("follow_up_until IS NOT NULL")


def upgrade() -> None:
    op.add_column("occasion", sa.Column("closed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    op.add_column("occasion", sa.Column("follow_up_until", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    _replace_status("status IN ('open', 'cancelled', 'completed', 'no-show')")
    op.create_index(
        "ix_occasion_follow_up",
        "occasion",
        ["kind", "rules", "follow_up_until"],
        sqlite_where=_FOLLOW_UP,
        postgresql_where=_FOLLOW_UP,
    )
    op.create_index("ix_occasion_kind_at", "occasion", ["kind", "at"])
    op.add_column("message", sa.Column("answer", sqlmodel.sql.sqltypes.AutoString(length=12), nullable=True))


def downgrade() -> None:
    # The release before refuses every reminder of a closed occasion.
    op.execute(
        """
        UPDATE message SET state = 'cancelled', code = 'downgraded', lease_until = NULL,
            reason = 'The release that is running now sends nothing after an occasion.'
        WHERE state IN ('waiting', 'queued', 'claimed') AND occasion_id IN (
            SELECT id FROM occasion WHERE status <> 'open'
        )
        """
    )
    op.execute(
        "UPDATE occasion SET status = 'cancelled', reason = coalesce(reason, 'no-show') WHERE status = 'no-show'"
    )
    op.drop_column("message", "answer")
    op.drop_index("ix_occasion_kind_at", table_name="occasion")
    op.drop_index("ix_occasion_follow_up", table_name="occasion", sqlite_where=_FOLLOW_UP, postgresql_where=_FOLLOW_UP)
    _replace_status("status IN ('open', 'cancelled', 'completed')")
    op.drop_column("occasion", "follow_up_until")
    op.drop_column("occasion", "closed_at")


def _replace_status(condition: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f(_STATUS), "occasion", type_="check")
        op.create_check_constraint(op.f(_STATUS), "occasion", condition)
        return
    # Alembic copies the table of SQLite without its CHECK constraints, which SQLAlchemy does not reflect.
    with op.batch_alter_table("occasion", recreate="always") as batch_op:
        batch_op.create_check_constraint(op.f(_STATUS), condition)
