"""The table of the workers that live."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel


class WorkerRow(SQLModel, table=True):
    """A worker process and its lease, which it renews while it lives. An attempt names it in `worker`."""

    __tablename__ = "worker"

    name: str = Field(primary_key=True, max_length=80)
    lease_until: datetime
