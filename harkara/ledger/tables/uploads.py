"""The tables of uploads: CSV files that campaigns are loaded from."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel


class UploadRow(SQLModel, table=True):
    """A CSV file that was uploaded, and is deleted after a day. The row is written when its last part is stored.

    It is in the ledger, so that each host of the HTTP API can read it. `name` is the name that the client gave it.
    """

    __tablename__ = "upload"

    __table_args__ = (Index("ix_upload_created_at", "created_at"),)

    id: str = Field(primary_key=True, max_length=40)
    lane: str = Field(max_length=40)
    name: str = Field(max_length=200)
    size: int
    lines: int
    parts: int
    created_at: datetime


class UploadPartRow(SQLModel, table=True):
    """A part of an uploaded file, numbered from 0."""

    __tablename__ = "upload_part"

    __table_args__ = (Index("ix_upload_part_created_at", "created_at"),)

    upload_id: str = Field(primary_key=True, max_length=40)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    content: bytes = Field(sa_type=LargeBinary)
    created_at: datetime
