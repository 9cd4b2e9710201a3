"""An index that serves only what looks for recipients.

Before PostgreSQL has counted a bulk of messages, all indexes of waiting messages seem equally cheap to it, and it
looked for due ones in the index of recipients: a scan of all that wait. Queries without a recipient cannot use this one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_NAME, _TABLE, _COLUMNS = "ix_message_recipient_lane", "message", ["recipient", "lane"]


def upgrade() -> None:
    _replace("state = 'waiting' AND recipient IS NOT NULL")


def downgrade() -> None:
    _replace("state = 'waiting'")


def _replace(where: str) -> None:
    op.drop_index(_NAME, _TABLE)
    op.create_index(_NAME, _TABLE, _COLUMNS, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
