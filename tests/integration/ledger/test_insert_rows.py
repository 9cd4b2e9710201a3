"""Inserting messages beneath SQLAlchemy: the same rows as SQLAlchemy writes, and only those that are new."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from harkara.ledger.database import Database
from harkara.ledger.messages.insert_rows import NewMessage, insert_messages, message_row
from harkara.ledger.tables import message
from harkara.ledger.transaction import Transaction
from harkara.shared_defaults import DEADLINES
from harkara.states import State
from tests.integration.ledger.steps import reply

MOMENTS = st.datetimes(
    datetime(2001, 1, 1),
    datetime(2199, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=3))]),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
MARKS = st.text("\x1e\x1f01", max_size=6)
"""Texts like those that divide the values of a bulk."""

CHANGES = st.fixed_dictionaries(
    {
        "reference": st.none() | TEXTS.filter(bool),
        "body": st.none() | TEXTS | MARKS,
        "fallback": st.none() | TEXTS | MARKS,
        "priority": st.integers(0, 3),
        "quiet": st.booleans(),
        "state": st.sampled_from([State.WAITING.value, State.CANCELLED.value]),
        "due_at": MOMENTS,
        "expires_at": MOMENTS,
        "lease_until": st.none() | MOMENTS,
        "code": st.none() | st.just("held-out"),
        "reason": st.none() | TEXTS,
        "campaign_id": st.none() | st.just("camp_1"),
        "position": st.none() | st.integers(0, 2**31 - 1),
    }
)
BULK = [message_row(reply(n), datetime(2026, 11, 30, tzinfo=UTC), DEADLINES) for n in range(5)]


class Undone(Exception):
    """Rolls a transaction back."""


@settings(max_examples=25)
@given(changes=st.lists(CHANGES, min_size=1, max_size=3, unique_by=lambda change: change["reference"] or object()))
@example(
    changes=[
        {"reference": "\x1f0\x1e", "body": "\x1f1\x1e\x1f"},
        {"reference": "2\x1e", "body": "", "fallback": "\x1e"},
    ]
)
@example(changes=[{"talk_person": "p1", "talk_revision": 2}, {"occasion_id": "o1", "revision": 1, "rule": "-2h"}])
def test_the_rows_are_those_that_sqlalchemy_writes(db: Database, changes: list[dict[str, Any]]) -> None:
    for rows in (rows_with(changes), rows_with(changes)[:1]):
        assert stored(db, lambda tx, rows=rows: insert_messages(tx, rows)) == stored(  # type: ignore[misc]
            db,
            lambda tx, rows=rows: tx.execute(message.insert(), [dict(row) for row in rows]),  # type: ignore[misc]
        )


def test_a_reference_that_exists_is_left_out_and_not_among_the_new_ids(db: Database) -> None:
    bulk = rows_with([{"reference": f"r{n}"} for n in range(3)])
    with db.write() as tx:
        assert insert_messages(tx, bulk[:2]) == {row["id"] for row in bulk[:2]}
    again: list[NewMessage] = [row | {"id": row["id"].replace("job", "new")} for row in bulk]
    with db.write() as tx:
        assert insert_messages(tx, again) == {row["id"] for row in again[2:]}
        assert insert_messages(tx, again) == set()


def rows_with(changes: list[dict[str, Any]]) -> list[NewMessage]:
    """Return several rows; the first have the changes."""
    columns = {name: None for each in changes for name in each if name not in BULK[0]}
    changed = [*changes, *({} for _ in BULK)]
    return [row | columns | change for row, change in zip(BULK, changed, strict=False)]  # type: ignore[misc]


def stored(db: Database, write: Callable[[Transaction], object]) -> list[tuple[Any, ...]]:
    """Return what is in the table after this write, as the database has it, and undo the write."""
    found: list[tuple[Any, ...]] = []
    with suppress(Undone), db.write() as tx:
        write(tx)
        found = [tuple(row) for row in tx.execute(text("SELECT * FROM message ORDER BY id"))]
        raise Undone
    assert found
    return found
