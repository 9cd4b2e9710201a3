"""The assistant: who answers a conversation, when its turn is due, and the turns.

The columns of conversations and messages have defaults, so that a worker of the release before goes on: it changes no
mode and schedules no turn.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_DUE = sa.text("turn_due_at IS NOT NULL")
_OPEN_ANSWER = sa.text("talk_person IS NOT NULL AND state IN ('waiting', 'queued', 'claimed')")
_ANSWERED = sa.text("outcome NOT IN ('superseded', 'failed')")
_DRAFT = sa.text("outcome = 'draft'")
_READABLE = sa.text("content IS NOT NULL OR summary IS NOT NULL")


def upgrade() -> None:
    for column in _columns():
        op.add_column("conversation", column)
    op.create_index("ix_conversation_turn", "conversation", ["turn_due_at"], sqlite_where=_DUE, postgresql_where=_DUE)
    op.add_column("message", _text("talk_person", 40))
    op.add_column("message", sa.Column("talk_revision", sa.Integer(), nullable=True))
    op.create_index(
        "ix_message_talk",
        "message",
        ["talk_person", "lane"],
        sqlite_where=_OPEN_ANSWER,
        postgresql_where=_OPEN_ANSWER,
    )
    _create_turns()


def downgrade() -> None:
    op.drop_table("turn")
    op.drop_index("ix_message_talk", "message")
    op.drop_column("message", "talk_revision")
    op.drop_column("message", "talk_person")
    op.drop_index("ix_conversation_turn", "conversation")
    for column in reversed(_columns()):
        op.drop_column("conversation", column.name)


def _columns() -> list[sa.Column[object]]:
    return [
        _text("mode", 10, default="'assistant'"),
        _text("mode_cause", 12),
        _time("mode_since"),
        _time("mode_until"),
        _count("unanswered"),
        _time("turn_due_at"),
        _time("burst_at"),
        _time("lease_until"),
        _count("epoch"),
        _time("topic_at"),
        sa.Column("greeted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _count("cost", sa.BigInteger()),
    ]


def _create_turns() -> None:
    op.create_table(
        "turn",
        _text("id", 40, nullable=False),
        _text("lane", 40, nullable=False),
        _text("person", 40, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        _text("outcome", 12, nullable=False),
        _text("source", 10, nullable=False),
        _text("citations", 1000),
        _text("hand_over", 12),
        _count("milliseconds"),
        _count("tokens"),
        _count("price", sa.BigInteger()),
        _text("failure", 200),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        _text("message_id", 40),
        _text("decided_by", 80),
        sa.CheckConstraint(
            "outcome IN ('sent', 'superseded', 'handed-over', 'draft', 'failed', 'shadow', 'silent')",
            name=op.f("ck_turn_outcome"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turn")),
    )
    op.create_index(
        "uq_turn_answered",
        "turn",
        ["lane", "person", "revision"],
        unique=True,
        sqlite_where=_ANSWERED,
        postgresql_where=_ANSWERED,
    )
    op.create_index("ix_turn_person", "turn", ["person", "lane", "id"])
    op.create_index("ix_turn_lane_at", "turn", ["lane", "at"])
    op.create_index("ix_turn_draft", "turn", ["lane", "id"], sqlite_where=_DRAFT, postgresql_where=_DRAFT)
    op.create_index("ix_turn_retention", "turn", ["at"], sqlite_where=_READABLE, postgresql_where=_READABLE)


def _text(name: str, length: int, *, default: str | None = None, nullable: bool = True) -> sa.Column[object]:
    kind = sqlmodel.sql.sqltypes.AutoString(length=length)
    return sa.Column(
        name, kind, server_default=sa.text(default) if default else None, nullable=nullable and not default
    )


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True)


def _count(name: str, kind: sa.types.TypeEngine[int] | None = None) -> sa.Column[object]:
    return sa.Column(name, kind or sa.Integer(), server_default=sa.text("0"), nullable=False)
