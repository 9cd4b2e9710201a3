"""Fallback: the template that replaces a message outside its 24-hour window."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from harkara.ledger.tables import message
from harkara.ledger.transaction import Row, Transaction
from harkara.messages import Envelope, Template

_ITEMS = ("message", "messages")


def fallback_json(envelope: Envelope) -> str | None:
    """Return what the ledger stores of a message's fallback: the items of its request, and its category."""
    if envelope.fallback is None:
        return None
    return _dump({"messages": [envelope.fallback.wire()], "category": envelope.fallback.category or "utility"})


def replacement(tx: Transaction, identity: str, reengage: str | None) -> Row:
    """Return the columns of a message that is sent as its fallback, else as the template `reengage`; none without both.

    Priority and deadline stay as its sender set them, and so does the digest that identifies a repeat of its reference.
    So do quiet hours, but for a fallback that is marketing: it has them, as any marketing. What replaces a one-time
    code is one: it may contain the code, counts for the limit of its recipient, and is erased as soon.
    """
    columns = (message.c[name] for name in ("body", "fallback", "category", "quiet"))
    row = tx.execute(select(*columns).where(message.c.id == identity)).one()
    if row.body is None or (row.fallback is None and reengage is None):
        return {}  # it was cancelled or erased meanwhile, and stays so
    wanted = json.loads(row.fallback) if row.fallback else {"messages": [Template(str(reengage)).wire()]}
    category = wanted.pop("category", "utility")
    if row.category == "authentication":
        category = row.category
    rest = {name: value for name, value in json.loads(row.body).items() if name not in _ITEMS}
    return {
        "body": _dump(rest | wanted),
        "fallback": None,
        "replaced": True,
        "kind": Template.kind,
        "template": wanted["messages"][0]["template"]["name"],
        "category": category,
        "quiet": row.quiet or category == "marketing",
        "weight": 1,
    }


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
