"""Steps of campaigns: a canary, waves, a stop-loss, a share that gets nothing, and second rounds.

The release before knows no steps: a downgrade pauses the campaigns that have some to come, and gives their messages
back to the campaign's own producer, so that a resume sends all of them.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_REASON = "The steps of this campaign were removed by a downgrade: a resume sends all of its messages."

_PAUSE = f"""
UPDATE campaign SET state = 'paused', code = 'operator', reason = '{_REASON}'
WHERE stage < stages AND state IN ('scheduled', 'running')
"""
_HOLD = f"""
INSERT INTO halt (lane, scope, subject, code, reason, since, until, times)
SELECT lane, 'producer', id, 'campaign-paused', '{_REASON}', changed_at, NULL, 1 FROM campaign
WHERE stage < stages AND state = 'paused'
ON CONFLICT DO NOTHING
"""
_HOLD_FOR_EVER = """
UPDATE halt SET until = NULL WHERE scope = 'producer'
AND subject IN (SELECT id FROM campaign WHERE stage < stages AND state = 'paused')
"""
_GIVE_BACK = """
UPDATE message SET producer = campaign_id
WHERE campaign_id IN (SELECT id FROM campaign WHERE stages > 1) AND producer <> campaign_id
"""


def upgrade() -> None:
    op.add_column("campaign", sa.Column("steps", sa.Text(), nullable=True))
    op.add_column("campaign", sa.Column("stage", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("campaign", sa.Column("stages", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("campaign", sa.Column("stage_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    op.add_column("campaign", sa.Column("stop_loss", sa.BigInteger(), nullable=True))
    op.add_column("campaign", sa.Column("currency", sa.String(length=3), nullable=True))
    op.add_column("campaign", sa.Column("answer_days", sa.Integer(), nullable=True))
    op.add_column("campaign", sa.Column("effect", sa.Text(), nullable=True))
    op.add_column("campaign", sa.Column("parent_id", sa.String(length=40), nullable=True))


def downgrade() -> None:
    for statement in (_PAUSE, _HOLD, _HOLD_FOR_EVER, _GIVE_BACK):
        op.execute(statement)
    op.execute("DELETE FROM halt WHERE scope = 'producer' AND subject LIKE 'camp~_%-%' ESCAPE '~'")
    for name in (
        "parent_id",
        "effect",
        "answer_days",
        "currency",
        "stop_loss",
        "stage_at",
        "stages",
        "stage",
        "steps",
    ):
        op.drop_column("campaign", name)
