"""Fallback: the template that takes the place of a message which the 24-hour window does not let through."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from harkara.ledger.database import Transaction
from harkara.ledger.tables import message
from harkara.messages import Envelope, Template

_MESSAGES = ("message", "messages")


def kept(envelope: Envelope) -> str | None:
    """What the ledger keeps of a message's fallback: the items of its request, and its category."""
    if envelope.fallback is None:
        return None
    return _dump({"messages": [envelope.fallback.wire()], "category": envelope.fallback.category or "utility"})


def replacement(tx: Transaction, identity: str, reengage: str | None) -> dict[str, Any]:
    """The columns of a message that goes as its fallback, else as the template `reengage`; none if it has neither.

    It keeps its place: priority, deadline and quiet hours stay what its sender wanted, and so does the digest by which
    a repeat of its reference is known.
    """
    row = tx.execute(select(message.c.body, message.c.fallback).where(message.c.id == identity)).one()
    if row.body is None or (row.fallback is None and reengage is None):
        return {}  # it was cancelled meanwhile, and stays so
    wanted = json.loads(row.fallback) if row.fallback else {"messages": [Template(str(reengage)).wire()]}
    category = wanted.pop("category", "utility")
    rest = {name: value for name, value in json.loads(row.body).items() if name not in _MESSAGES}
    return {
        "body": _dump(rest | wanted),
        "fallback": None,
        "replaced": True,
        "kind": Template.kind,
        "template": wanted["messages"][0]["template"]["name"],
        "category": category,
        "weight": 1,
    }


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
