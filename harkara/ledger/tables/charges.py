"""The tables of charges, their sums, and budgets."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter, partial


class ChargeRow(SQLModel, table=True):
    """What a delivered message costs: one row for each, also for a free one, without number and text.

    A turn of the assistant that has a price is a row, too, with its id as `message_id` and the category `assistant`.

    Amounts are micros of `currency`; `amount` includes `fee` and `tax`. `at` is the time of the delivery, and `day` its
    day in the zone of the lane. `by_event` says that WhatsApp's `pricing` has decided. With credits, `person` is a
    keyed digest of the recipient until its retention is over, and `began_at` is when the conversation began.
    """

    __tablename__ = "charge"

    __table_args__ = (
        # With the amount, so that a sum reads the index alone.
        Index("ix_charge_lane_day", "lane", "day", "currency", "amount"),
        partial("ix_charge_campaign", "campaign_id", "currency", "amount", where="campaign_id IS NOT NULL"),
        partial("ix_charge_person", "person", "at", where="person IS NOT NULL"),
        partial("ix_charge_retention", "at", where="person IS NOT NULL"),
    )

    message_id: str = Field(primary_key=True, max_length=40)
    lane: str = Field(max_length=40)
    day: date
    at: datetime
    category: str = Field(max_length=20)
    template: str | None = Field(default=None, max_length=60)
    campaign_id: str | None = Field(default=None, max_length=40)
    currency: str = Field(max_length=3)
    amount: int = Field(sa_type=BigInteger)
    fee: int = Field(sa_type=BigInteger)
    tax: int = Field(sa_type=BigInteger)
    credits: int = counter()
    by_event: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    person: str | None = Field(default=None, max_length=32)
    began_at: datetime | None = None


class SpendDayRow(SQLModel, table=True):
    """The sums of a day's charges in micros, which triggers of `charge` keep exact.

    `template` and `campaign_id` are empty for none. On PostgreSQL, `spend_delta` has what is not added yet.
    """

    __tablename__ = "spend_day"

    __table_args__ = (partial("ix_spend_day_campaign", "campaign_id", where="campaign_id <> ''"),)

    lane: str = Field(primary_key=True, max_length=40)
    day: date = Field(primary_key=True)
    category: str = Field(primary_key=True, max_length=20)
    template: str = Field(primary_key=True, max_length=60)
    campaign_id: str = Field(primary_key=True, max_length=40)
    currency: str = Field(primary_key=True, max_length=3)
    messages: int = Field(sa_type=BigInteger)
    free: int = Field(sa_type=BigInteger)
    credits: int = Field(sa_type=BigInteger)
    fee: int = Field(sa_type=BigInteger)
    tax: int = Field(sa_type=BigInteger)
    amount: int = Field(sa_type=BigInteger)


class SpendDeltaRow(SQLModel, table=True):
    """What one statement changed in the spend of a day: writers only add rows, so that none waits for another."""

    __tablename__ = "spend_delta"

    id: int | None = Field(default=None, primary_key=True)
    lane: str = Field(max_length=40)
    day: date
    category: str = Field(max_length=20)
    template: str = Field(max_length=60)
    campaign_id: str = Field(max_length=40)
    currency: str = Field(max_length=3)
    messages: int = Field(sa_type=BigInteger)
    free: int = Field(sa_type=BigInteger)
    credits: int = Field(sa_type=BigInteger)
    fee: int = Field(sa_type=BigInteger)
    tax: int = Field(sa_type=BigInteger)
    amount: int = Field(sa_type=BigInteger)


class SpendBackfillRow(SQLModel, table=True):
    """At most one row: the charges up to this id are in the sums; without a row, all are."""

    __tablename__ = "spend_backfill"

    id: int = Field(primary_key=True, default=1, sa_column_kwargs={"autoincrement": False})
    counted_to: str = Field(max_length=40)


class BudgetRow(SQLModel, table=True):
    """The most that a lane may spend in a day or a month, or a campaign as a whole, in micros of `currency`.

    `campaign_id` is empty but for the period `campaign`. `warned_on` is the first day of the period for which most of
    the budget was reported as spent.
    """

    __tablename__ = "budget"

    __table_args__ = (CheckConstraint("period IN ('day', 'month', 'campaign')", name="period"),)

    lane: str = Field(primary_key=True, max_length=40)
    period: str = Field(primary_key=True, max_length=10)
    campaign_id: str = Field(primary_key=True, default="", max_length=40)
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    changed_at: datetime
    warned_on: date | None = None
