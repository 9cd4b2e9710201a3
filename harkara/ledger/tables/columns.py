"""Common to all tables: the naming convention of constraints, counter columns and partial indexes."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

SQLModel.model_config["defer_build"] = True
"""Rows are read and written as mappings, so no process needs the validators of their models."""


def counter() -> int:
    """Return an integer column that starts at 0."""
    return cast(int, Field(default=0, sa_column_kwargs={"server_default": text("0")}))


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return a partial index: it covers only the rows that match `where`, so it stays small in a large table."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))
