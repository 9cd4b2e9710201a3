"""Keep the fallback of an accepted message, know the POSTs that it has replaced, and read preferences again."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ON_ITS_WAY = sa.text("fallback IS NOT NULL AND state IN ('accepted', 'sent')")


def upgrade() -> None:
    op.create_table(
        "replaced_post",
        sa.Column("lane", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("value", sqlmodel.sql.sqltypes.AutoString(length=256), nullable=False),
        sa.Column("message_id", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_replaced_post_message_id")),
        sa.PrimaryKeyConstraint("lane", "kind", "value", name=op.f("pk_replaced_post")),
    )
    op.create_index(
        "ix_message_fallback",
        "message",
        ["expires_at"],
        unique=False,
        sqlite_where=_ON_ITS_WAY,
        postgresql_where=_ON_ITS_WAY,
    )
    # People who stopped marketing in WhatsApp's own menu: the release before stored their choice without reading it.
    # A worker of that release may make these unknown once more; a new one reads recent ones again when it starts.
    op.execute(
        "UPDATE event SET state = 'new', about = 'received', tries = 0 "
        "WHERE state = 'unknown' AND about = 'user.preferences'"
    )


def downgrade() -> None:
    op.drop_index("ix_message_fallback", table_name="message", sqlite_where=_ON_ITS_WAY, postgresql_where=_ON_ITS_WAY)
    op.drop_table("replaced_post")
    # The release before erases a fallback when its message is accepted.
    op.execute("UPDATE message SET fallback = NULL WHERE state IN ('accepted', 'sent')")
