"""Goals with what was measured for them, alarms, the notices of alarms, and an index of failed messages.

Workers of the release before go on meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_FAILED = sa.text("state = 'failed' AND campaign_id IS NULL")


def upgrade() -> None:
    op.create_table(
        "goal",
        sa.Column("goal", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("lane", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("bound", sa.Float(), nullable=False),
        sa.Column("missed", sa.Boolean(), nullable=False),
        sa.Column("since", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("measured_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("goal", "lane", "subject", name=op.f("pk_goal")),
    )
    op.create_table(
        "alarm",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("goal", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("lane", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
        sa.Column("sentence", sqlmodel.sql.sqltypes.AutoString(length=400), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("bound", sa.Float(), nullable=False),
        sa.Column("missed_since", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("opened_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("acknowledged_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("acknowledged_by", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=True),
        sa.Column("closed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    _create_partial("uq_alarm_open", "alarm", ["goal", "lane", "subject"], sa.text("closed_at IS NULL"), unique=True)
    _create_partial("ix_alarm_closed", "alarm", ["closed_at"], sa.text("closed_at IS NOT NULL"))
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alarm_id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("event", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("receiver", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("done_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarm.id"], name=op.f("fk_notice_alarm_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    _create_partial("ix_notice_open", "notice", ["id"], sa.text("done_at IS NULL"))
    _create_partial("ix_message_failed", "message", ["lane", "changed_at"], _FAILED)


def downgrade() -> None:
    op.drop_index("ix_message_failed", "message")
    for table in ("notice", "alarm", "goal"):
        op.drop_table(table)


def _create_partial(name: str, table: str, columns: list[str], where: sa.TextClause, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
