"""Acts of callers of the HTTP API in the log of acts. In an older release they are acts of the command."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_SQLITE_TRIGGERS = [
    f"CREATE TRIGGER act_is_not_{done} BEFORE {verb} ON act BEGIN SELECT RAISE(ABORT, 'the log of acts only grows'); END"
    for verb, done in (("UPDATE", "changed"), ("DELETE", "deleted"))
]


def upgrade() -> None:
    _allow("'console', 'command', 'api'")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER act_is_not_changed")
        op.execute("UPDATE act SET source = 'command' WHERE source = 'api'")
    else:
        op.execute("ALTER TABLE act DISABLE TRIGGER act_only_grows")
        op.execute("UPDATE act SET source = 'command' WHERE source = 'api'")
        op.execute("ALTER TABLE act ENABLE TRIGGER act_only_grows")
    _allow("'console', 'command'")


def _allow(sources: str) -> None:
    """Replace the check of the sources. SQLite copies the table, which loses the former check and the triggers."""
    with op.batch_alter_table("act") as act:
        if op.get_bind().dialect.name != "sqlite":
            act.drop_constraint(op.f("ck_act_source"), type_="check")
        act.create_check_constraint(op.f("ck_act_source"), f"source IN ({sources})")
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE_TRIGGERS:
            op.execute(statement)
