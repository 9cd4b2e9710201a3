"""The tables of the console's users, of their sessions, and of what people did."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text
from sqlmodel import Field, SQLModel


class UserRow(SQLModel, table=True):
    """A user of the console. `id` is the name in a form that ignores case.

    `lanes` are separated by spaces, None for all. `password` is a hash of Argon2, and `link` the digest of the one-time
    link: either may be missing.
    """

    __tablename__ = "console_user"

    __table_args__ = (
        CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="role"),
        Index("ix_console_user_link", "link", unique=True),
    )

    id: str = Field(primary_key=True, max_length=120)
    name: str = Field(max_length=60)
    role: str = Field(max_length=10)
    lanes: str | None = Field(default=None, sa_type=Text)
    language: str | None = Field(default=None, max_length=5)
    password: str | None = Field(default=None, max_length=200)
    link: str | None = Field(default=None, max_length=64)
    link_expires_at: datetime | None = None
    created_at: datetime
    signed_in_at: datetime | None = None
    disabled_at: datetime | None = None


class SessionRow(SQLModel, table=True):
    """A session of a user. `digest` is that of the cookie's value, which the ledger does not have."""

    __tablename__ = "console_session"

    __table_args__ = (
        CheckConstraint("how IN ('link', 'password')", name="how"),
        Index("ix_console_session_user_id", "user_id"),
    )

    digest: str = Field(primary_key=True, max_length=64)
    user_id: str = Field(foreign_key="console_user.id", max_length=120)
    how: str = Field(max_length=10)
    created_at: datetime
    expires_at: datetime


class ActRow(SQLModel, table=True):
    """What a person did, in the console, by command or through the HTTP API. Triggers refuse to change or delete a row.

    `subject` is what it was done to. `filter` chose the `number` of rows that it changed, if it did not name them.
    """

    __tablename__ = "act"

    __table_args__ = (
        CheckConstraint("source IN ('console', 'command', 'api')", name="source"),
        Index("ix_act_name_id", "name", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    name: str = Field(max_length=60)
    source: str = Field(max_length=10)
    act: str = Field(max_length=40)
    subject: str = Field(default="", max_length=200)
    filter: str | None = Field(default=None, sa_type=Text)
    number: int | None = None
