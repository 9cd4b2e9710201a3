"""The sums of charges are exact whatever writes a charge, and cost the same with a year of them."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.event import listen, remove

from harkara.ledger.audit import audit
from harkara.ledger.charges.credits import erase_people
from harkara.ledger.charges.spend import get_spend, get_spends
from harkara.ledger.charges.spend_sums import add_to_sums
from harkara.ledger.database import Database
from harkara.ledger.tables import charge, spend_backfill, spend_day, spend_delta
from harkara.ledger.transaction import Row
from harkara.money.spend import By, Spend
from tests.integration.ledger.money import PRICES, accepted, event, process_with, template, today

FIRST = date(2026, 3, 30)
BYS: tuple[By, ...] = ("day", "lane", "category", "template", "campaign")

ROWS = st.fixed_dictionaries(
    {
        "message_id": st.sampled_from([f"job_{n}" for n in range(12)]),
        "lane": st.sampled_from(["default", "north"]),
        "day": st.sampled_from([FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=40)]),
        "category": st.sampled_from(["utility", "marketing", "assistant"]),
        "template": st.sampled_from([None, "visit", "sale"]),
        "campaign_id": st.sampled_from([None, "c1", "c2"]),
        "currency": st.sampled_from(["INR", "EUR"]),
        "amount": st.sampled_from([0, 135_700, 1_018_458]),
        "fee": st.sampled_from([0, 50_000]),
        "tax": st.sampled_from([0, 20_700]),
        "credits": st.sampled_from([0, 1]),
        "person": st.sampled_from([None, "digest"]),
    }
)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(ROWS, min_size=1, max_size=6, unique_by=lambda row: row["message_id"])),
        st.tuples(st.just("delete"), st.sampled_from([f"job_{n}" for n in range(12)])),
        st.tuples(st.sampled_from(["erase", "sum", "forget"]), st.none()),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(changes=CHANGES)
def test_the_spend_is_the_sum_of_the_charges_after_any_changes(db: Database, changes: list[tuple[str, Any]]) -> None:
    clear(db)
    for kind, what in changes:
        change(db, kind, what)
        assert spend_by_all(db) == expected_by_all(db)
    assert audit(db).clean
    while add_to_sums(db):
        pass
    assert number_of(db, spend_delta) == number_of(db, spend_backfill) == 0
    assert spend(db, "day") == expected(db, "day")


def test_a_ledger_with_charges_is_summed_in_steps_with_exact_answers_meanwhile(
    db: Database,
) -> None:
    write(db, [row_of(n) for n in range(50)])
    forget_sums(db)
    seen: list[int] = []
    while number_of(db, spend_backfill):
        add_to_sums(db, charges=20)
        write(db, [row_of(3, amount=7), row_of(47, amount=7), row_of(100 + len(seen))])
        seen.append(number_of(db, spend_backfill))
        assert spend_by_all(db) == expected_by_all(db)
    assert len(seen) > 2
    assert audit(db).clean


def test_a_charge_that_is_not_committed_yet_is_not_lost_by_the_backfill(db: Database) -> None:
    write(db, [row_of(n) for n in range(3)])
    forget_sums(db)
    step = threading.Thread(target=add_to_sums, args=(db,))
    with db.write() as tx:
        tx.execute(charge.insert(), [stored(row_of(2_000))])
        step.start()  # it waits for this transaction
    step.join()
    while add_to_sums(db):
        pass
    assert spend(db, "day") == expected(db, "day")
    assert audit(db).clean


def test_writers_of_one_day_do_not_wait_for_each_other(db: Database) -> None:
    if db.sqlite:
        pytest.skip("SQLite has one writer at a time")
    with db.write() as first, db.write() as second:
        first.execute(charge.insert(), [stored(row_of(1))])
        second.execute(charge.insert(), [stored(row_of(2))])  # raises Unavailable if it has to wait
    assert spend(db, "day") == expected(db, "day")


def test_the_spend_in_credits_follows_an_event_that_is_late(db: Database) -> None:
    first = today() - timedelta(days=3)
    credits = PRICES.model_copy(update={"mode": "credits"})
    for n, hours in ((1, 23), (2, 30), (0, 0)):
        accepted(db, template(), f"job-{n}")
        arrived = event(db, "delivered", f"job-{n}", timestamp=(first + timedelta(hours=hours)).timestamp())
        process_with(db, arrived, prices=credits)
        while add_to_sums(db):
            pass
        assert spend_by_all(db) == expected_by_all(db)
    (total,) = spend(db, "lane")
    assert (total.messages, total.credits, total.free) == (3, 2, 1), "the late one is the first of the others' 24 hours"
    assert audit(db).clean


def test_the_audit_finds_sums_that_differ_from_their_charges(db: Database) -> None:
    write(db, [row_of(1), row_of(2)])
    while add_to_sums(db):
        pass
    assert audit(db).clean
    with db.write() as tx:
        tx.execute(update(spend_day).values(amount=spend_day.c.amount + 1))
    (finding,) = audit(db).findings
    assert finding.rule == "the sums of a day are those of its charges"
    assert finding.ids == ["default 2026-03-30"]


def test_the_erasure_of_recipients_changes_no_sum_and_writes_none(db: Database) -> None:
    write(db, [row_of(n, person="digest") for n in range(5)])
    while add_to_sums(db):
        pass
    before = spend(db, "day")
    with db.write() as tx:
        assert erase_people(tx, 0) == 5
    assert number_of(db, spend_delta) == 0
    assert spend(db, "day") == before


def test_the_spend_reads_sums_and_no_charges(db: Database) -> None:
    year = [row_of(n, day=FIRST + timedelta(days=n % 365), template=f"t{n % 3}") for n in range(2_000)]
    write(db, year)
    while add_to_sums(db):
        pass
    with read_tables(db) as names:
        assert spend_by_all(db, lanes=["default"]) == expected_by_all(db)
    assert "spend_day" in names
    assert "charge" not in names


def row_of(n: int, **changes: Any) -> Row:
    return {
        "message_id": f"job_{n:04d}",
        "lane": "default",
        "day": FIRST,
        "category": "marketing",
        "template": "sale",
        "campaign_id": "c1",
        "currency": "INR",
        "amount": 1000 + n,
        "fee": 10,
        "tax": 5,
        "credits": 0,
        "person": None,
    } | changes


def stored(row: Row) -> Row:
    return row | {"at": datetime(2026, 3, 30, tzinfo=UTC), "by_event": False, "began_at": None}


def write(db: Database, rows: list[Row]) -> None:
    """Write charges as the release before does: an insert, or a correction of what is there."""
    dialect: Any = sqlite if db.sqlite else postgresql
    insert = dialect.insert(charge)
    names = [name for name in stored(rows[0]) if name != "message_id"]
    upsert = insert.on_conflict_do_update(
        index_elements=["message_id"], set_={name: insert.excluded[name] for name in names}
    )
    with db.write() as tx:
        tx.execute(upsert, [stored(row) for row in rows])


def change(db: Database, kind: str, what: Any) -> None:
    match kind:
        case "write":
            write(db, what)
        case "delete":
            with db.write() as tx:
                tx.execute(delete(charge).where(charge.c.message_id == what))
        case "erase":
            with db.write() as tx:
                erase_people(tx, 0)
        case "sum":
            add_to_sums(db)
        case "forget":
            forget_sums(db)


def forget_sums(db: Database) -> None:
    """Put the ledger in the state after the migration of one with charges."""
    with db.write() as tx:
        for table in (spend_day, spend_delta, spend_backfill):
            tx.execute(delete(table))
        tx.execute(spend_backfill.insert(), {"id": 1, "counted_to": ""})


def clear(db: Database) -> None:
    with db.write() as tx:
        for table in (charge, spend_day, spend_delta, spend_backfill):
            tx.execute(delete(table))


def spend(db: Database, by: By, lanes: list[str] | None = None) -> list[Spend]:
    return get_spend(db, by, since=date(2026, 1, 1), until=date(2030, 1, 1), lanes=lanes)


def spend_by_all(db: Database, lanes: list[str] | None = None) -> dict[By, list[Spend]]:
    found = get_spends(db, BYS, since=date(2026, 1, 1), until=date(2030, 1, 1), lanes=lanes)
    return {by: [*rows] for by, rows in found.items()}


def expected(db: Database, by: By) -> list[Spend]:
    """Sum the charges in Python."""
    return expected_by_all(db)[by]


def expected_by_all(db: Database) -> dict[By, list[Spend]]:
    with db.read() as tx:
        rows = tx.rows(select(charge))
    return {by: summed(rows, by) for by in BYS}


def summed(rows: list[Row], by: By) -> list[Spend]:
    sums: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        is_turn = row["category"] == "assistant"
        named = (
            "assistant"
            if is_turn and by in ("template", "campaign")
            else row["campaign_id" if by == "campaign" else by]
        )
        counted = sums.setdefault((str(named or ""), row["currency"]), Counter())
        if not is_turn:
            counted.update(messages=1, free=int(row["amount"] == 0))
        counted.update(price=row["amount"] - row["fee"] - row["tax"])
        counted.update({name: row[name] for name in ("credits", "fee", "tax", "amount")})
    return [Spend(*key, *(counted[name] for name in Spend.NUMBERS)) for key, counted in sorted(sums.items())]


def number_of(db: Database, table: Any) -> int:
    with db.read() as tx:
        return int(tx.execute(select(func.count()).select_from(table)).scalar_one())


@contextmanager
def read_tables(db: Database) -> Iterator[set[str]]:
    """Collect the tables that the plans of all SELECTs name."""
    names: set[str] = set()
    explain = "EXPLAIN QUERY PLAN " if db.sqlite else "EXPLAIN (FORMAT JSON) "

    def watch(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if "sum(" in statement and not statement.startswith("EXPLAIN"):
            plan = json.dumps([list(row) for row in connection.exec_driver_sql(explain + statement, parameters)])
            names.update(
                table for table in ("charge", "spend_day", "spend_delta") if f" {table}" in plan or f'"{table}"' in plan
            )

    listen(Engine, "before_cursor_execute", watch)
    try:
        yield names
    finally:
        remove(Engine, "before_cursor_execute", watch)
