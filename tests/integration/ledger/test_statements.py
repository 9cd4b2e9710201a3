"""The statements that one message takes from its acceptance to its POST; each is a round trip on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harkara.delivery import gates
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.for_each import runs_for_postgres, runs_for_sqlite
from harkara.ledger.halts import park
from harkara.ledger.leases import TransactionLease
from harkara.ledger.messages.accept import MAX_DIRECT_HINTS, accept
from harkara.ledger.messages.begin import BeginRequest, begin_alone
from harkara.ledger.messages.claim import claim
from harkara.ledger.messages.dispatch import dispatch
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.messages import Template, Text
from harkara.receipt import Receipt
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.steps import accept_messages, claim_messages, otp, reply, row, unlimited

LANES = {"default": Lane("default", "token", None)}


@pytest.mark.parametrize("number", [1, MAX_DIRECT_HINTS])
def test_messages_that_nothing_opposes_are_accepted_in_one_statement(db: Database, number: int) -> None:
    envelopes = [reply(n, reference=f"r{n}") for n in range(number)]
    with executed_statements() as statements:
        _, hints = accept(db, envelopes, deadlines=DEADLINES, queued_seconds=10)
    assert first_words(statements) == ["WITH judged"]
    assert len(hints) == number


def test_a_bulk_is_accepted_in_one_statement(db: Database) -> None:
    envelopes = [reply(n) for n in range(10 * MAX_DIRECT_HINTS)]
    with executed_statements() as statements:
        answers, _ = accept(db, envelopes, deadlines=DEADLINES, queued_seconds=10)
    assert first_words(statements) == ["WITH judged"]
    assert answers == [Receipt(each.id, new=True) for each in envelopes]


def test_the_values_that_a_bulk_has_in_common_are_written_once() -> None:
    rows = [{"lane": lane, "kind": "text", "id": number} for number, lane in enumerate(("pune", "pune", "goa"))]
    common, own = {"lane": "text", "kind": "text"}, {"id": "integer"}
    _, given = runs_for_sqlite("{each}", common, own, rows)
    assert json.loads(given["rows"]) == [
        {"lane": "pune", "kind": "text", "rows": [{"id": 0}, {"id": 1}]},
        {"lane": "goa", "kind": "text", "rows": [{"id": 2}]},
    ]
    _, given = runs_for_postgres("{each}", common, own, rows)
    assert json.loads(given["runs"]) == [{"lane": "pune", "kind": "text"}, {"lane": "goa", "kind": "text"}]
    assert [run.split(given["row_mark"]) for run in given["all_id"].split(given["run_mark"])] == [["0", "1"], ["2"]]


def test_a_dispatch_takes_two_statements_and_one_that_is_not_due_a_single_one(db: Database) -> None:
    if db.sqlite:
        pytest.skip("a statement of SQLite is no round trip")
    accept_messages(db, reply())
    first, second = (TransactionLease("dispatch", holder, 60) for holder in ("first", "second"))
    first.add(db)
    taken = []
    for lease in (first, second):
        with executed_statements() as statements:
            dispatch(db, LANES, unlimited, depth=9, queued_seconds=10, lease=lease)
        taken.append(first_words(statements))
    assert taken == [["WITH RECURSIVE", "WITH acquired"], ["WITH RECURSIVE"]]


def test_a_repeat_takes_one_statement_more(db: Database) -> None:
    accept_messages(db, reply(reference="r"))
    with executed_statements() as statements:
        accept(db, [reply(reference="r")], deadlines=DEADLINES, queued_seconds=10)
    assert first_words(statements) == ["WITH judged", "SELECT message.id,"]


def test_a_message_is_claimed_and_checked_in_one_statement(db: Database) -> None:
    ids = accept_messages(db, reply())
    with executed_statements() as statements:
        gates.load(db, LANES, claim(db, ids, 10))
    assert first_words(statements) == ["UPDATE message"]


def test_gates_look_into_the_ledger_for_codes_and_halts(db: Database) -> None:
    ids = accept_messages(db, otp())
    with executed_statements() as statements:
        gates.load(db, LANES, claim(db, ids, 10))
    assert first_words(statements) == ["UPDATE message", "SELECT halt.lane,", "SELECT message.id,"]
    park(db, "other", "unknown")
    ids = accept_messages(db, reply())
    with executed_statements() as statements:
        gates.load(db, LANES, claim(db, ids, 10))
    assert first_words(statements) == ["UPDATE message", "SELECT halt.lane,"]


def test_a_message_begins_in_one_statement_on_postgresql(db: Database) -> None:
    """SQLite, which has no round trips, marks the message and writes its attempt in two."""
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    commit = GroupCommit(db, print)
    with executed_statements() as statements:
        assert commit.begin(BeginRequest(claimed, "worker", "passed", 30))
    commit.close()
    assert first_words(statements) == (["UPDATE message", "INSERT INTO"] if db.sqlite else ["WITH held"])


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_postgresql_plans_claim_and_begin_once(db: Database) -> None:
    for n in range(10):
        (claimed,) = claim_messages(db, *accept_messages(db, reply(n)))
        begin_alone(db, [BeginRequest(claimed, "worker", "passed", 30)])
    # The connection that was used last is used next.
    query = "SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements, {each}"
    plans = db.execute_each(query, {"n": "integer"}, [{"n": 1}])
    hot = [(*first_words([name]), generic, custom) for name, generic, custom in plans]  # also those of other tests
    hot = [plan for plan in hot if plan[0] in ("UPDATE message", "WITH held")]
    assert {name for name, generic, _ in hot if generic >= 3} == {"UPDATE message", "WITH held"}
    assert [plan for plan in hot if plan[2]] == []


def first_words(statements: Sequence[str]) -> list[str]:
    return [" ".join(statement.split()[:2]) for statement in statements]


def test_a_message_is_stored_the_same_alone_and_beside_another(db: Database) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    text = "100 % of 'it': \\ \" {each} :now %(x)s ₹ 🙂\n"
    given: list[dict[str, Any]] = [
        {"messages": [Text(text)], "category": "utility", "quiet": True, "at": soon, "customer_name": "Zoë"},
        {"messages": [Text(text)], "category": "marketing", "priority": 0, "fallback": Template("visit")},
        {"messages": [Text(text)], "producer": "shop"},
    ]
    for number, options in enumerate(given):
        alone = reply(1, reference=f"alone-{number}", **options)
        beside = reply(1, reference=f"beside-{number}", **options)
        accept_messages(db, alone)
        accept_messages(db, beside, reply(2))
        stored = [row(db, each.id) for each in (alone, beside)]
        ids = {"id", "reference"}
        assert all(stored[0][name] != stored[1][name] for name in ids)
        same = [{name: value for name, value in each.items() if name not in ids | _MOMENTS} for each in stored]
        assert same[0] == same[1]
        assert same[0]["body"] == alone.body_json()
        for name in _MOMENTS:
            first, second = (each[name] for each in stored)
            assert (first is None) == (second is None)
            assert first is None or abs(second - first) < timedelta(minutes=1)


_MOMENTS = {"due_at", "planned_at", "expires_at", "lease_until", "created_at", "changed_at"}
