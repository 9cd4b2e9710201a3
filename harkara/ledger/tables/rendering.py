"""Renders the columns of the models as `columns.json`, from which processes build their tables."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Column, MetaData

_NAMES = {"AutoString": "String"}
"""Types of SQLModel that other databases need."""


def render(models: MetaData) -> str:
    """Return the columns of all tables as JSON, a line for each column."""
    return "{\n" + ",\n".join(_table(name, list(table.columns)) for name, table in models.tables.items()) + "\n}\n"


def _table(name: str, columns: list[Column[Any]]) -> str:
    lines = (f"    {json.dumps(column.name)}: {json.dumps(_column(column))}" for column in columns)
    return f"  {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n  }"


def _column(column: Column[Any]) -> dict[str, Any]:
    """Return what a query needs: constraints and defaults of the database are in the database."""
    kind = type(column.type).__name__
    found: dict[str, Any] = {"type": _NAMES.get(kind, kind)}
    if length := getattr(column.type, "length", None):
        found["length"] = length
    if column.primary_key:
        found["primary_key"] = True
    if column.autoincrement is False:
        found["autoincrement"] = False
    if column.default is not None:
        found["default"] = column.default.arg  # type: ignore[attr-defined]  # a scalar, which JSON has
    for key in column.foreign_keys:
        found["references"] = key.target_fullname
    return found
