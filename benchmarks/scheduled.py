"""Inserts messages for later into the ledger, faster than any client could."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Float,
    MetaData,
    Table,
    Text,
    cast,
    func,
    insert,
    literal,
    select,
    text,
    true,
)

from harkara import Client


def insert_scheduled(
    client: Client, ledger: Engine, number: int, *, first: int, due: datetime, every_seconds: float, each: int = 1
) -> None:
    """Insert `number` messages to the numbers from `first` on; from `due` on, `each` fall due every `every_seconds`.

    They are copies of one message that the client sent, so their rows are those of this release. PostgreSQL copies them
    itself, which takes half the time of COPY.
    """
    message = Table("message", MetaData(), autoload_with=ledger)
    pattern = client.send("Your appointment is tomorrow.", to=f"9197{first:08d}", at=due, category="utility")
    n = func.generate_series(0, number - 1).table_valued("n").render_derived()
    later = func.make_interval(0, 0, 0, 0, 0, 0, cast(func.floor(n.c.n / each), Float) * every_seconds)
    number_of = literal("9198") + cast(10_000_000 + first + n.c.n, Text)
    changed: dict[str, ColumnElement[Any]] = {
        "id": func.concat("job_", func.lpad(func.to_hex(first + n.c.n), 32, "0")),
        "recipient": number_of,
        "producer": func.concat("producer-", n.c.n % 5),
        "body": func.replace(message.c.body, message.c.recipient, number_of),
        "due_at": message.c.due_at + later,
        "expires_at": message.c.expires_at + later,
    }
    columns = [changed.get(column.name, column) for column in message.c]
    copies = select(*columns).select_from(message.join(n, true())).where(message.c.id == pattern.id)
    with ledger.begin() as connection:
        connection.execute(insert(message).from_select(list(message.c), copies))
        connection.execute(message.delete().where(message.c.id == pattern.id))
    with ledger.begin() as connection:  # PostgreSQL would do both within minutes, possibly during the measurement
        connection.execute(text("ANALYZE message"))
        connection.execute(text("CHECKPOINT"))
