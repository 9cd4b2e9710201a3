"""Deletion of old messages, with the sums that stay in their campaigns, and audits that are requested.

PostgreSQL looks for the other ids and the replaced POSTs of each message that is deleted, since their tables have
foreign keys. A worker of the release before goes on: the count starts at 0, it deletes nothing, and its hourly audit is
not in the new table.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
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
    op.create_table(
        "audit_run",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        _time("requested_at"),
        _text("requested_by", 60),
        _text("source", 10),
        _text("holder", 80),
        _time("lease_until"),
        _time("begun_at"),
        _text("part", 40),
        sa.Column("checked", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _time("done_at"),
        _text("done_for", 60),
        sa.Column("report", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_run")),
    )


def downgrade() -> None:
    op.drop_table("audit_run")
    for name, table in _INDEXES.items():
        op.drop_index(name, table)
    op.drop_column("campaign", "deleted_results")
    op.drop_column("campaign", "deleted")


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=True)
