"""The tables of the processes are those of the models, which they do not import."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Column
from sqlalchemy.dialects import postgresql, sqlite

from harkara.ledger import tables
from harkara.ledger.tables import all_models
from harkara.ledger.tables.rendered import COLUMNS
from harkara.ledger.tables.rendering import render

DECLARED = [name for name, kind in tables.__annotations__.items() if kind == "Table"]

DIALECTS: tuple[Any, ...] = (postgresql.dialect, sqlite.dialect)


def test_the_columns_are_those_of_the_models() -> None:
    assert COLUMNS.read_text("utf-8") == render(all_models()), "run python -m docs.render"


def test_each_table_is_declared_under_one_name() -> None:
    assert sorted(getattr(tables, name).name for name in DECLARED) == sorted(all_models().tables)


@pytest.mark.parametrize("name", DECLARED)
def test_a_table_has_what_queries_need_of_its_model(name: str) -> None:
    table = getattr(tables, name)
    assert [seen(each) for each in table.columns] == [seen(each) for each in all_models().tables[table.name].columns]


def seen(column: Column[Any]) -> dict[str, Any]:
    """What a statement of SQLAlchemy depends on."""
    return {
        "name": column.name,
        "types": [column.type.compile(dialect()) for dialect in DIALECTS],
        "primary key": (column.primary_key, column.autoincrement),
        "default": column.default.arg if column.default is not None else None,  # type: ignore[attr-defined]
        "references": [key.target_fullname for key in column.foreign_keys],
    }
