"""Export what the ledger knows about a person: the right of access."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from harkara.errors import NotFound
from harkara.ledger.database import Database
from harkara.ledger.personal.find import find_own, find_person
from harkara.ledger.users.acts import Actor, record_act

_JSON = ("body", "fallback", "parameters", "data", "content")
"""Columns that hold JSON as text."""


def export_person(db: Database, text: str, *, by: Actor) -> dict[str, Any]:
    """Return the names of the person whose number or user id this is, and each row about the person by table.

    Empty columns are left out, times are ISO 8601. The log of acts says who exported it, without the person: nothing
    in it could be erased. Raises NotFound if the ledger knows nothing about the person, Invalid for the field `to`, and
    Unavailable.
    """
    person = find_person(db, text)
    found = {table: [_shown(row) for row in rows] for table, rows in find_own(db, person).items() if rows}
    if not found:
        raise NotFound("the ledger has nothing about this number")
    with db.write() as tx:
        record_act(tx, by, "person.exported", number=sum(map(len, found.values())))
    return {"names": list(person.names), "exported_at": db.now().isoformat(), "tables": found}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in row.items() if value is not None}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    return _parsed(value) if name in _JSON else value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # the body of a webhook or the content of a dead letter may be anything
        return text
