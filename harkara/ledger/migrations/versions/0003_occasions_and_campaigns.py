"""Create the tables of occasions and campaigns, and let messages refer to them."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaign",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("lane", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
        sa.Column("template", sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
        sa.Column("category", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("audience", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_share", sa.Float(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=1000), nullable=True),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("changed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("start_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("started_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("finished_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("resumed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('loading', 'ready', 'scheduled', 'running', 'paused', 'cancelled', 'finished')",
            name=op.f("ck_campaign_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("name", name=op.f("uq_campaign_name")),
    )
    op.create_table(
        "occasion",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("reference", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("lane", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("producer", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("recipient", sqlmodel.sql.sqltypes.AutoString(length=15), nullable=True),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=True),
        sa.Column("parameters", sa.Text(), nullable=True),
        sa.Column("at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("zone", sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rules", sqlmodel.sql.sqltypes.AutoString(length=16), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=True),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("changed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'cancelled', 'completed')", name=op.f("ck_occasion_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occasion")),
    )
    op.create_index(
        "ix_occasion_retention",
        "occasion",
        ["at"],
        unique=False,
        sqlite_where=sa.text("recipient IS NOT NULL"),
        postgresql_where=sa.text("recipient IS NOT NULL"),
    )
    op.create_index(
        "ix_occasion_rules",
        "occasion",
        ["kind", "rules", "at"],
        unique=False,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("uq_occasion_reference_kind_lane", "occasion", ["reference", "kind", "lane"], unique=True)
    op.add_column("message", sa.Column("occasion_id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True))
    op.add_column("message", sa.Column("revision", sa.Integer(), nullable=True))
    op.add_column("message", sa.Column("rule", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True))
    op.add_column("message", sa.Column("campaign_id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True))
    op.add_column("message", sa.Column("position", sa.Integer(), nullable=True))
    op.create_index(
        "ix_message_campaign_posted",
        "message",
        ["campaign_id", "posted_at"],
        unique=False,
        sqlite_where=sa.text("campaign_id IS NOT NULL"),
        postgresql_where=sa.text("campaign_id IS NOT NULL"),
    )
    op.create_index(
        "ix_message_campaign_state",
        "message",
        ["campaign_id", "state"],
        unique=False,
        sqlite_where=sa.text("campaign_id IS NOT NULL"),
        postgresql_where=sa.text("campaign_id IS NOT NULL"),
    )
    op.create_index(
        "ix_message_occasion",
        "message",
        ["occasion_id"],
        unique=False,
        sqlite_where=sa.text("occasion_id IS NOT NULL"),
        postgresql_where=sa.text("occasion_id IS NOT NULL"),
    )


def downgrade() -> None:
    # The release before knows neither pauses of campaigns nor occasions that moved: what waits for either must not go.
    op.execute(
        """
        UPDATE message SET state = 'cancelled', code = 'downgraded', lease_until = NULL,
            reason = 'The release that is running now knows no campaigns and no occasions.'
        WHERE state IN ('waiting', 'queued', 'claimed') AND (campaign_id IS NOT NULL OR occasion_id IS NOT NULL)
        """
    )
    op.execute("DELETE FROM halt WHERE scope = 'producer'")
    op.drop_index(
        "ix_message_occasion",
        table_name="message",
        sqlite_where=sa.text("occasion_id IS NOT NULL"),
        postgresql_where=sa.text("occasion_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_message_campaign_state",
        table_name="message",
        sqlite_where=sa.text("campaign_id IS NOT NULL"),
        postgresql_where=sa.text("campaign_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_message_campaign_posted",
        table_name="message",
        sqlite_where=sa.text("campaign_id IS NOT NULL"),
        postgresql_where=sa.text("campaign_id IS NOT NULL"),
    )
    op.drop_column("message", "position")
    op.drop_column("message", "campaign_id")
    op.drop_column("message", "rule")
    op.drop_column("message", "revision")
    op.drop_column("message", "occasion_id")
    op.drop_index("uq_occasion_reference_kind_lane", table_name="occasion")
    op.drop_index(
        "ix_occasion_rules",
        table_name="occasion",
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.drop_index(
        "ix_occasion_retention",
        table_name="occasion",
        sqlite_where=sa.text("recipient IS NOT NULL"),
        postgresql_where=sa.text("recipient IS NOT NULL"),
    )
    op.drop_table("occasion")
    op.drop_table("campaign")
