"""Each callback in the outbox is claimed by one worker at a time until it is delivered, dead or expired."""

from __future__ import annotations

import pytest

from harkara.ledger.callbacks.outbox import (
    Dead,
    Delivered,
    DeliveryResult,
    Failed,
    Untried,
    expire,
    record_results,
)
from harkara.ledger.database import Database
from tests.integration.ledger.outbox import HOUR, age_callbacks, callback_rows, claim_callbacks, new_claimed_callback
from tests.integration.ledger.steps import reply, send_message


def test_two_workers_never_claim_the_same_callback(callback_db: Database) -> None:
    for n in range(10):
        send_message(callback_db, reply(n))
    first, second = claim_callbacks(callback_db, 6), claim_callbacks(callback_db, 6)
    assert (len(first), len(second), len({each.id for each in first + second})) == (6, 4, 10)
    assert [each.id for each in first] == sorted(each.id for each in first)
    assert claim_callbacks(callback_db) == []


def test_the_callback_of_a_dead_worker_is_claimed_again_after_its_lease(callback_db: Database) -> None:
    before = new_claimed_callback(callback_db)
    age_callbacks(callback_db, 61)
    (again,) = claim_callbacks(callback_db)
    assert (again.id, again.tries, again.data) == (before.id, 2, before.data)


def test_a_result_after_the_lease_counts_only_if_it_is_a_delivery(callback_db: Database) -> None:
    late = new_claimed_callback(callback_db)
    age_callbacks(callback_db, 61)
    (current,) = claim_callbacks(callback_db)
    record_results(callback_db, [(late, Dead("HTTP 410", 410))])
    assert callback_rows(callback_db)[0]["state"] == "waiting"
    record_results(callback_db, [(late, Delivered(204))])
    record_results(callback_db, [(current, Failed("HTTP 500", 500, 5.0))])
    (row,) = callback_rows(callback_db)
    assert (row["state"], row["status"], row["reason"], row["data"]) == ("delivered", 204, None, None)


@pytest.mark.parametrize(
    ("result", "state", "tries", "reason"),
    [
        (Delivered(200), "delivered", 1, None),
        (Failed("HTTP 500", 500, 5.0), "waiting", 1, "HTTP 500"),
        (Failed("HTTP 429", 429, 25 * HOUR), "dead", 1, "HTTP 429"),
        (Dead("HTTP 410", 410), "dead", 1, "HTTP 410"),
        (Untried("It is blocked.", 60.0), "waiting", 0, "It is blocked."),
    ],
)
def test_each_result_sets_state_tries_reason_and_due_time(
    callback_db: Database, result: DeliveryResult, state: str, tries: int, reason: str | None
) -> None:
    claimed = new_claimed_callback(callback_db)
    record_results(callback_db, [(claimed, result)])
    (row,) = callback_rows(callback_db)
    assert (row["state"], row["tries"], row["reason"]) == (state, tries, reason)
    assert (row["data"] is None) == (state == "delivered")
    assert (row["done_at"] is None) == (state == "waiting")
    delay = result.seconds if isinstance(result, Failed | Untried) else 0
    assert delay <= (row["due_at"] - row["created_at"]).total_seconds() < delay + 30
    assert claim_callbacks(callback_db) == []


def test_the_repr_of_a_claimed_callback_contains_no_data(callback_db: Database) -> None:
    assert "On my way" not in repr(new_claimed_callback(callback_db))


def test_a_callback_past_its_lifetime_expires_while_the_application_fails(callback_db: Database) -> None:
    send_message(callback_db, reply(1))
    age_callbacks(callback_db, 25 * HOUR)
    send_message(callback_db, reply(2))
    assert expire(callback_db, "HTTP 500") == 1
    assert [row["state"] for row in callback_rows(callback_db)] == ["dead", "waiting"]
