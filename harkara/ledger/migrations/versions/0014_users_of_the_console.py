"""Users of the console, their sessions, and the log of acts, in which no row can be changed or deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "console_user",
        sa.Column("id", AutoString(length=120), nullable=False),
        sa.Column("name", AutoString(length=60), nullable=False),
        sa.Column("role", AutoString(length=10), nullable=False),
        sa.Column("lanes", sa.Text(), nullable=True),
        sa.Column("language", AutoString(length=5), nullable=True),
        sa.Column("password", AutoString(length=200), nullable=True),
        sa.Column("link", AutoString(length=64), nullable=True),
        sa.Column("link_expires_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("signed_in_at", UTCDateTime(), nullable=True),
        sa.Column("disabled_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name=op.f("ck_console_user_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_console_user")),
    )
    op.create_index("ix_console_user_link", "console_user", ["link"], unique=True)
    op.create_table(
        "console_session",
        sa.Column("digest", AutoString(length=64), nullable=False),
        sa.Column("user_id", AutoString(length=120), nullable=False),
        sa.Column("how", AutoString(length=10), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("how IN ('link', 'password')", name=op.f("ck_console_session_how")),
        sa.ForeignKeyConstraint(["user_id"], ["console_user.id"], name=op.f("fk_console_session_user_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_console_session")),
    )
    op.create_index("ix_console_session_user_id", "console_session", ["user_id"])
    op.create_table(
        "act",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("name", AutoString(length=60), nullable=False),
        sa.Column("source", AutoString(length=10), nullable=False),
        sa.Column("act", AutoString(length=40), nullable=False),
        sa.Column("subject", AutoString(length=200), nullable=False),
        sa.Column("filter", sa.Text(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.CheckConstraint("source IN ('console', 'command')", name=op.f("ck_act_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act")),
    )
    op.create_index("ix_act_name_id", "act", ["name", "id"])
    for statement in _TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("act")  # with its triggers
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_act()")
    op.drop_table("console_session")
    op.drop_table("console_user")


_TRIGGERS = {
    "sqlite": [
        f"CREATE TRIGGER act_is_not_{done} BEFORE {verb} ON act BEGIN SELECT RAISE(ABORT, 'the log of acts only grows'); END"
        for verb, done in (("UPDATE", "changed"), ("DELETE", "deleted"))
    ],
    "postgresql": [
        "CREATE FUNCTION refuse_change_of_act() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the log of acts only grows'; END $$",
        "CREATE TRIGGER act_only_grows BEFORE UPDATE OR DELETE ON act"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change_of_act()",
    ],
}
