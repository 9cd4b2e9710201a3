"""Dead callbacks are listed, retried and finally erased."""

from __future__ import annotations

import pytest

from harkara.errors import Conflict, NotFound
from harkara.ledger.callbacks.dead_callbacks import clean_up, count_callbacks, list_callbacks, retry, retry_dead
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.callbacks.outbox import Dead, Delivered, Failed, record_results
from harkara.ledger.database import Database
from tests.integration.ledger.outbox import HOUR, age_callbacks, callback_rows, claim_callbacks, new_claimed_callback
from tests.integration.ledger.steps import reply, send_message

DEAD = Dead("HTTP 410", 410)


def test_a_dead_callback_is_retried_for_another_day(callback_db: Database) -> None:
    dead = new_claimed_callback(callback_db)
    record_results(callback_db, [(dead, DEAD)])
    age_callbacks(callback_db, 30 * HOUR)
    retry(callback_db, [dead.id])
    (again,) = claim_callbacks(callback_db)
    assert again.data == dead.data
    record_results(callback_db, [(again, Failed("HTTP 500", 500, 5.0))])
    assert count_callbacks(callback_db) == {"waiting": 1, "dead": 0}


def test_all_dead_callbacks_are_retried_together(callback_db: Database) -> None:
    for n in range(3):
        send_message(callback_db, reply(n))
    first, second, _ = claim_callbacks(callback_db)
    record_results(callback_db, [(first, DEAD), (second, DEAD)])
    assert retry_dead(callback_db) == 2
    assert [each.id for each in claim_callbacks(callback_db)] == [first.id, second.id]


def test_one_unknown_or_erased_id_retries_none_of_the_ids(callback_db: Database) -> None:
    delivered = new_claimed_callback(callback_db)
    record_results(callback_db, [(delivered, Delivered(200))])
    dead = new_claimed_callback(callback_db)
    record_results(callback_db, [(dead, DEAD)])
    with pytest.raises(Conflict, match="is delivered"):
        retry(callback_db, [dead.id, delivered.id])
    with pytest.raises(NotFound, match="harkara callbacks list"):
        retry(callback_db, [dead.id, "msg_unknown"])
    assert count_callbacks(callback_db) == {"waiting": 0, "dead": 1}


def test_the_list_shows_every_column_but_the_data(callback_db: Database) -> None:
    record_results(callback_db, [(new_claimed_callback(callback_db), DEAD)])
    send_message(callback_db, reply())
    both = list_callbacks(callback_db, ["waiting", "dead"], 10)
    assert [row.kind for row in both] == ["message.received", "message.accepted"]
    assert [row.reason for row in list_callbacks(callback_db, ["dead"], 10)] == ["HTTP 410"]
    assert "On my way" not in str(list_callbacks(callback_db, ["dead"], 10))


def test_delivered_callbacks_stay_a_week_and_dead_ones_as_long_as_messages(callback_db: Database) -> None:
    day = 24 * HOUR
    record_results(callback_db, [(new_claimed_callback(callback_db), Delivered(200))])
    record_results(callback_db, [(new_claimed_callback(callback_db), DEAD)])
    with callback_db.write() as tx:
        notify(tx, "message.received", "default", "evt_2", {"text": "No worker is left"})
    age_callbacks(callback_db, 6.9 * day)
    assert clean_up(callback_db, 90 * day) == 0
    age_callbacks(callback_db, 0.2 * day)
    assert clean_up(callback_db, 90 * day) == 3
    assert [(row["state"], row["data"]) for row in callback_rows(callback_db)] == [("dead", None), ("dead", None)]
    assert clean_up(callback_db, 90 * day) == 0
    age_callbacks(callback_db, 83 * day)
    assert clean_up(callback_db, None) == 0
    assert clean_up(callback_db, 90 * day) == 1
    age_callbacks(callback_db, 7 * day)
    assert clean_up(callback_db, 90 * day) == 1
    assert callback_rows(callback_db) == []
