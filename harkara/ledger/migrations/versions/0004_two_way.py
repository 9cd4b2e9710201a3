"""Create the tables of webhook events, contacts, consent and callbacks."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "callback",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("lane", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("due_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("expires_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("done_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name=op.f("ck_callback_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback")),
    )
    op.create_index(
        "ix_callback_dead",
        "callback",
        ["done_at"],
        unique=False,
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_index(
        "ix_callback_delivered",
        "callback",
        ["done_at"],
        unique=False,
        sqlite_where=sa.text("state = 'delivered'"),
        postgresql_where=sa.text("state = 'delivered'"),
    )
    op.create_index(
        "ix_callback_due",
        "callback",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lane", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("recipient", sqlmodel.sql.sqltypes.AutoString(length=15), nullable=False),
        sa.Column("at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("wish", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("category", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("how", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("proof", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=True),
        sa.CheckConstraint("category IN ('everything', 'marketing')", name=op.f("ck_consent_category")),
        sa.CheckConstraint("wish IN ('opt-out', 'opt-in')", name=op.f("ck_consent_wish")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_recipient_lane", "consent", ["recipient", "lane"], unique=False)
    op.create_table(
        "contact",
        sa.Column("lane", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("recipient", sqlmodel.sql.sqltypes.AutoString(length=15), nullable=False),
        sa.Column("wrote_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("stopped", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=True),
        sa.Column("agreed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("wished_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.CheckConstraint("stopped IN ('everything', 'marketing')", name=op.f("ck_contact_stopped")),
        sa.PrimaryKeyConstraint("lane", "recipient", name=op.f("pk_contact")),
    )
    op.create_index(
        "ix_contact_retention",
        "contact",
        ["wrote_at"],
        unique=False,
        sqlite_where=sa.text("wished_at IS NULL"),
        postgresql_where=sa.text("wished_at IS NULL"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lane", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("identity", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.Column("about", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(length=10), nullable=False),
        sa.Column("message_id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=True),
        sa.Column("at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("received_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("due_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("state IN ('new', 'folded', 'orphan', 'unknown')", name=op.f("ck_event_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index(
        "ix_event_due",
        "event",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'new'"),
        postgresql_where=sa.text("state = 'new'"),
    )
    op.create_index(
        "ix_event_heard",
        "event",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'new' AND about = 'received'"),
        postgresql_where=sa.text("state = 'new' AND about = 'received'"),
    )
    op.create_index("ix_event_lane_received_at", "event", ["lane", "received_at"], unique=False)
    op.create_index("uq_event_identity_lane", "event", ["identity", "lane"], unique=True)
    op.add_column("attempt", sa.Column("echo", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=True))
    op.create_index(
        "ix_attempt_echo",
        "attempt",
        ["echo", "started_at"],
        unique=False,
        sqlite_where=sa.text("echo IS NOT NULL"),
        postgresql_where=sa.text("echo IS NOT NULL"),
    )
    op.add_column("message", sa.Column("fallback", sa.Text(), nullable=True))
    op.add_column("message", sa.Column("replaced", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("message", sa.Column("on_evidence", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("message", sa.Column("whatsapp_id", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=True))
    op.create_index(
        "ix_message_job",
        "message",
        ["job_id"],
        unique=False,
        sqlite_where=sa.text("job_id IS NOT NULL"),
        postgresql_where=sa.text("job_id IS NOT NULL"),
    )
    op.create_index(
        "ix_message_recipient_lane",
        "message",
        ["recipient", "lane"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_message_whatsapp",
        "message",
        ["whatsapp_id"],
        unique=False,
        sqlite_where=sa.text("whatsapp_id IS NOT NULL"),
        postgresql_where=sa.text("whatsapp_id IS NOT NULL"),
    )
    op.create_index(
        "ix_occasion_recipient",
        "occasion",
        ["recipient", "lane"],
        unique=False,
        sqlite_where=sa.text("status = 'open' AND recipient IS NOT NULL"),
        postgresql_where=sa.text("status = 'open' AND recipient IS NOT NULL"),
    )


def downgrade() -> None:
    # The release before knows no consent: what waits for somebody who opted out must not go.
    op.execute(
        """
        UPDATE message SET state = 'cancelled', code = 'opted-out', lease_until = NULL,
            reason = 'This person wants no more messages, which the release that is running now does not know.'
        WHERE state IN ('waiting', 'queued', 'claimed') AND EXISTS (
            SELECT 1 FROM contact
            WHERE contact.lane = message.lane AND contact.recipient = message.recipient
                AND (contact.stopped = 'everything' OR (contact.stopped = message.category))
        )
        """
    )
    # Nor does it know evidence: it would send these again whatever webhooks say.
    op.execute("UPDATE message SET resend_at = NULL WHERE on_evidence")
    op.drop_index(
        "ix_occasion_recipient",
        table_name="occasion",
        sqlite_where=sa.text("status = 'open' AND recipient IS NOT NULL"),
        postgresql_where=sa.text("status = 'open' AND recipient IS NOT NULL"),
    )
    op.drop_index(
        "ix_message_recipient_lane",
        table_name="message",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_index(
        "ix_message_whatsapp",
        table_name="message",
        sqlite_where=sa.text("whatsapp_id IS NOT NULL"),
        postgresql_where=sa.text("whatsapp_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_message_job",
        table_name="message",
        sqlite_where=sa.text("job_id IS NOT NULL"),
        postgresql_where=sa.text("job_id IS NOT NULL"),
    )
    op.drop_column("message", "whatsapp_id")
    op.drop_column("message", "replaced")
    op.drop_column("message", "on_evidence")
    op.drop_column("message", "fallback")
    op.drop_index(
        "ix_attempt_echo",
        table_name="attempt",
        sqlite_where=sa.text("echo IS NOT NULL"),
        postgresql_where=sa.text("echo IS NOT NULL"),
    )
    op.drop_column("attempt", "echo")
    op.drop_index("uq_event_identity_lane", table_name="event")
    op.drop_index("ix_event_lane_received_at", table_name="event")
    op.drop_index(
        "ix_event_heard",
        table_name="event",
        sqlite_where=sa.text("state = 'new' AND about = 'received'"),
        postgresql_where=sa.text("state = 'new' AND about = 'received'"),
    )
    op.drop_index(
        "ix_event_due",
        table_name="event",
        sqlite_where=sa.text("state = 'new'"),
        postgresql_where=sa.text("state = 'new'"),
    )
    op.drop_table("event")
    op.drop_index(
        "ix_contact_retention",
        table_name="contact",
        sqlite_where=sa.text("wished_at IS NULL"),
        postgresql_where=sa.text("wished_at IS NULL"),
    )
    op.drop_table("contact")
    op.drop_index("ix_consent_recipient_lane", table_name="consent")
    op.drop_table("consent")
    op.drop_index(
        "ix_callback_due",
        table_name="callback",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_index(
        "ix_callback_delivered",
        table_name="callback",
        sqlite_where=sa.text("state = 'delivered'"),
        postgresql_where=sa.text("state = 'delivered'"),
    )
    op.drop_index(
        "ix_callback_dead",
        table_name="callback",
        sqlite_where=sa.text("state = 'dead'"),
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.drop_table("callback")
