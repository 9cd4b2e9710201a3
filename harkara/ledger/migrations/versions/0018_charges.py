"""Charges of delivered messages, and budgets.

What was delivered before has no charge: its events are gone, and the prices of that time may be unknown.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_WITH_CAMPAIGN, _WITH_PERSON = sa.text("campaign_id IS NOT NULL"), sa.text("person IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "charge",
        _text("message_id", 40),
        _text("lane", 40),
        sa.Column("day", sa.Date(), nullable=False),
        _moment("at"),
        _text("category", 20),
        _text("template", 60, nullable=True),
        _text("campaign_id", 40, nullable=True),
        _text("currency", 3),
        _micros("amount"),
        _micros("fee"),
        _micros("tax"),
        sa.Column("credits", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("by_event", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _text("person", 32, nullable=True),
        _moment("began_at", nullable=True),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_charge")),
    )
    op.create_index("ix_charge_lane_day", "charge", ["lane", "day", "currency", "amount"])
    _partial("ix_charge_campaign", ["campaign_id", "currency", "amount"], _WITH_CAMPAIGN)
    _partial("ix_charge_person", ["person", "at"], _WITH_PERSON)
    _partial("ix_charge_retention", ["at"], _WITH_PERSON)
    op.create_table(
        "budget",
        _text("lane", 40),
        _text("period", 10),
        _text("campaign_id", 40),
        _micros("amount"),
        _text("currency", 3),
        _moment("changed_at"),
        sa.Column("warned_on", sa.Date(), nullable=True),
        sa.CheckConstraint("period IN ('day', 'month', 'campaign')", name=op.f("ck_budget_period")),
        sa.PrimaryKeyConstraint("lane", "period", "campaign_id", name=op.f("pk_budget")),
    )


def downgrade() -> None:
    op.execute("DELETE FROM halt WHERE scope = 'budget'")  # the release before could not lift them
    op.drop_table("budget")
    op.drop_table("charge")


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sqlmodel.sql.sqltypes.AutoString(length=length), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=nullable)


def _micros(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _partial(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "charge", columns, sqlite_where=where, postgresql_where=where)
