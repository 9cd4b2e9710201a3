"""Mark the drafts on which the conversation has moved on, as each is marked from now on when that happens.

No column changes. A worker of the release before still leaves such drafts undecided: a draft waits only at the
revision of its conversation, so that no list shows them.
"""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None

_SAME = "conversation.lane = turn.lane AND conversation.person = turn.person AND conversation.revision = turn.revision"


def upgrade() -> None:
    op.execute(
        "UPDATE turn SET outcome = 'superseded', decision = 'dropped' WHERE outcome = 'draft' AND decision IS NULL"
        f" AND NOT EXISTS (SELECT 1 FROM conversation WHERE {_SAME})"
    )


def downgrade() -> None:
    op.execute("UPDATE turn SET outcome = 'draft', decision = NULL WHERE decision = 'dropped'")
