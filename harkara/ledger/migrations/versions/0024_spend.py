"""Sums of the charges by day, which triggers keep exact with any writer.

The charges of earlier releases are added by the workers, in steps. Until then `spend_backfill` has one row: the charges
up to `counted_to` are in the sums.
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_KEY = "lane, day, category, template, campaign_id, currency"
_NUMBERS = ("messages", "free", "credits", "fee", "tax", "amount")
_NAMED = {"template": 60, "campaign_id": 40}
_WITH_CAMPAIGN = sa.text("campaign_id <> ''")

# One row for each statement and key. The lock lasts until the transaction ends: the backfill waits for it, so that it
# passes no charge that is not committed yet.
_FUNCTION = """
CREATE FUNCTION count_charges() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    known text;
BEGIN
    SELECT counted_to INTO known FROM spend_backfill FOR SHARE;
    {statements}
    RETURN NULL;
END
$body$
"""
_DELTA = f"""
INSERT INTO spend_delta ({_KEY}, {", ".join(_NUMBERS)})
SELECT lane, day, category, coalesce(template, ''), coalesce(campaign_id, ''), currency, sum(sign),
    sum(CASE WHEN amount = 0 THEN sign ELSE 0 END), sum(sign * credits), sum(sign * fee), sum(sign * tax),
    sum(sign * amount)
FROM ({{changed}}) AS changed WHERE known IS NULL OR message_id <= known GROUP BY 1, 2, 3, 4, 5, 6
HAVING sum(sign) <> 0 OR sum(CASE WHEN amount = 0 THEN sign ELSE 0 END) <> 0 OR sum(sign * credits) <> 0
    OR sum(sign * fee) <> 0 OR sum(sign * tax) <> 0 OR sum(sign * amount) <> 0;
"""
_ADDED = "SELECT 1 AS sign, added.* FROM added"
_REMOVED = "SELECT -1 AS sign, removed.* FROM removed"
_CHANGES = {
    "INSERT": ("NEW TABLE AS added", _ADDED),
    "UPDATE": ("OLD TABLE AS removed NEW TABLE AS added", f"{_REMOVED} UNION ALL {_ADDED}"),
    "DELETE": ("OLD TABLE AS removed", _REMOVED),
}

# Transactions for writes follow each other, so the sums themselves are changed.
_COUNT_ONE = f"""
INSERT INTO spend_day ({_KEY}, {", ".join(_NUMBERS)})
SELECT {{row}}.lane, {{row}}.day, {{row}}.category, coalesce({{row}}.template, ''), coalesce({{row}}.campaign_id, ''),
    {{row}}.currency, {{sign}}, {{sign}} * ({{row}}.amount = 0), {{sign}} * {{row}}.credits, {{sign}} * {{row}}.fee,
    {{sign}} * {{row}}.tax, {{sign}} * {{row}}.amount
WHERE NOT EXISTS (SELECT 1 FROM spend_backfill WHERE counted_to < {{row}}.message_id)
ON CONFLICT ({_KEY}) DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in _NUMBERS)};
"""
_COUNTED = (*_KEY.split(", "), "credits", "fee", "tax", "amount")
_CHANGED = "({}) IS NOT ({})".format(*(", ".join(f"{row}.{name}" for name in _COUNTED) for row in ("OLD", "NEW")))
"""The retention of people changes no sum."""


def upgrade() -> None:
    op.create_table(
        "spend_day",
        *_key(),
        *_numbers(),
        sa.PrimaryKeyConstraint(*_KEY.split(", "), name=op.f("pk_spend_day")),
    )
    op.create_index(
        "ix_spend_day_campaign",
        "spend_day",
        ["campaign_id"],
        sqlite_where=_WITH_CAMPAIGN,
        postgresql_where=_WITH_CAMPAIGN,
    )
    op.create_table(
        "spend_delta",
        sa.Column("id", sa.Integer(), nullable=False),
        *_key(),
        *_numbers(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spend_delta")),
    )
    op.create_table(
        "spend_backfill",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("counted_to", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spend_backfill")),
    )
    if op.get_bind().dialect.name == "sqlite":
        _add_sqlite_triggers()
    else:
        _add_postgres_triggers()
    op.execute("INSERT INTO spend_backfill (id, counted_to) SELECT 1, '' WHERE EXISTS (SELECT 1 FROM charge)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for change in _CHANGES:
            op.execute(f"DROP TRIGGER count_charge_{change.lower()}")
    else:
        for change in _CHANGES:
            op.execute(f"DROP TRIGGER count_charges_{change.lower()} ON charge")
        op.execute("DROP FUNCTION count_charges()")
    op.drop_table("spend_backfill")
    op.drop_table("spend_delta")
    op.drop_table("spend_day")


def _add_postgres_triggers() -> None:
    branches = (
        f"IF TG_OP = '{change}' THEN {_DELTA.format(changed=changed)} END IF;"
        for change, (_, changed) in _CHANGES.items()
    )
    op.execute(_FUNCTION.format(statements="\n".join(branches)))
    for change, (tables, _) in _CHANGES.items():
        op.execute(
            f"CREATE TRIGGER count_charges_{change.lower()} AFTER {change} ON charge"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION count_charges()"
        )


def _add_sqlite_triggers() -> None:
    add, remove = _COUNT_ONE.format(row="NEW", sign="1"), _COUNT_ONE.format(row="OLD", sign="-1")
    op.execute(f"CREATE TRIGGER count_charge_insert AFTER INSERT ON charge BEGIN {add} END")
    op.execute(f"CREATE TRIGGER count_charge_delete AFTER DELETE ON charge BEGIN {remove} END")
    op.execute(f"CREATE TRIGGER count_charge_update AFTER UPDATE ON charge WHEN {_CHANGED} BEGIN {remove} {add} END")


def _key() -> list[sa.Column[object]]:
    text = sqlmodel.sql.sqltypes.AutoString
    return [
        sa.Column("lane", text(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("category", text(length=20), nullable=False),
        *(sa.Column(name, text(length=length), nullable=False) for name, length in _NAMED.items()),
        sa.Column("currency", text(length=3), nullable=False),
    ]


def _numbers() -> list[sa.Column[object]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in _NUMBERS]
