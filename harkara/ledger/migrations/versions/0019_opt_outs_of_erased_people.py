"""An index by which each claim sees whether there is an opt-out of an erased person at all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_WHERE = sa.text("stopped IS NOT NULL AND substr(recipient, 1, 7) = 'erased:'")


def upgrade() -> None:
    op.create_index("ix_contact_erased", "contact", ["recipient"], sqlite_where=_WHERE, postgresql_where=_WHERE)


def downgrade() -> None:
    op.drop_index("ix_contact_erased", "contact")
