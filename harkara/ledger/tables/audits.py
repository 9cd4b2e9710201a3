"""The table of the audit: the one that was requested or runs, and the result of the last one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter


class AuditRunRow(SQLModel, table=True):
    """At most one row, so that there is one audit at a time.

    `requested_at` is null once the request is done; `requested_by` is null for the hourly audit, and `source` is that
    of the act. A worker that runs it has `lease_until`, and writes how many rows of `part` it has `checked`. `report`
    is JSON with the result of the last audit, which ended at `done_at` and was requested by `done_for`.
    """

    __tablename__ = "audit_run"

    id: int = Field(primary_key=True, default=1, sa_column_kwargs={"autoincrement": False})
    requested_at: datetime | None = None
    requested_by: str | None = Field(default=None, max_length=60)
    source: str | None = Field(default=None, max_length=10)
    holder: str | None = Field(default=None, max_length=80)
    lease_until: datetime | None = None
    begun_at: datetime | None = None
    part: str | None = Field(default=None, max_length=40)
    checked: int = counter()
    done_at: datetime | None = None
    done_for: str | None = Field(default=None, max_length=60)
    report: str | None = Field(default=None, sa_type=Text)
