"""The digest of the signed webhook that an event came with, for proofs of delivery."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event", sa.Column("webhook_digest", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("event", "webhook_digest")
