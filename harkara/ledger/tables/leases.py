"""The table of leases, stored as the table "duty"."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel


class LeaseRow(SQLModel, table=True):
    """The lease of periodic work (dispatch, sweep …) that one process does at a time for all of them."""

    __tablename__ = "duty"

    name: str = Field(primary_key=True, max_length=20)
    holder: str = Field(max_length=80)
    until: datetime
    done_at: datetime | None = None
