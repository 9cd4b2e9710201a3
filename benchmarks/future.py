"""Fills the ledger with messages for later, faster than any door."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, Text, cast, func, insert, literal, select, text, true

from harkara import Client
from harkara.ledger.database import Database
from harkara.ledger.tables import message


def schedule(
    client: Client, db: Database, number: int, *, first: int, due: datetime, every_seconds: float, each: int = 1
) -> None:
    """Adds `number` messages to numbers `first` and on: `each` of them due every so many seconds, from `due` on.

    They are copies of one that came through the door, so they are whatever a message is in this release.
    """
    pattern = client.send("Your appointment is tomorrow.", to=f"9197{first:08d}", at=due, category="utility")
    n = func.generate_series(0, number - 1).table_valued("n").render_derived()
    later = func.make_interval(0, 0, 0, 0, 0, 0, cast(n.c.n / each, Float) * every_seconds)
    number_of = literal("9198") + cast(10_000_000 + first + n.c.n, Text)
    own: dict[str, ColumnElement[Any]] = {
        "id": func.concat("job_", func.lpad(func.to_hex(first + n.c.n), 32, "0")),
        "recipient": number_of,
        "producer": func.concat("producer-", n.c.n % 5),
        "body": func.replace(message.c.body, message.c.recipient, number_of),
        "due_at": message.c.due_at + later,
        "expires_at": message.c.expires_at + later,
    }
    columns = [own.get(column.name, column) for column in message.c]
    copies = select(*columns).select_from(message.join(n, true())).where(message.c.id == pattern.id)
    with db.write() as tx:
        tx.execute(insert(message).from_select(list(message.c), copies))
        tx.execute(message.delete().where(message.c.id == pattern.id))
    with db.write() as tx:  # what PostgreSQL does by itself within minutes, so that it does not do it in between
        tx.execute(text("ANALYZE message"))
        tx.execute(text("CHECKPOINT"))
