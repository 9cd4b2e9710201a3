"""Accept: new messages are stored, repeats are recognized, and invalid messages are refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from harkara.errors import Conflict, Invalid, NotFound, Unavailable
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import LedgerError
from harkara.ledger.messages.accept import MAX_DIRECT_HINTS, accept, accept_as_failed, add_aliases
from harkara.ledger.messages.queries import find_id
from harkara.ledger.messages.search import list_messages
from harkara.messages import Envelope, Template, Text
from harkara.receipt import Receipt
from harkara.shared_defaults import DEADLINES
from harkara.times import LATEST
from harness.ledger import copied_ledger
from harness.postgres import PostgresServer
from tests.integration.ledger.steps import (
    accept_messages,
    claim_messages,
    marketing,
    otp,
    reply,
    row,
    states_of,
    update_message,
)


def hinted(db: Database, *envelopes: Envelope) -> list[str]:
    """Accept them; return the ids that may be hinted at once."""
    _, direct = accept(db, envelopes, deadlines=DEADLINES, queued_seconds=10)
    return [identity for identity, _ in direct]


def test_a_message_is_stored_with_its_fields_and_waits(db: Database) -> None:
    envelope = reply(reference="order 7", producer="shop", lane="pune")
    assert accept_messages(db, envelope) == [envelope.id]
    kept = row(db, envelope.id)
    assert (kept["state"], kept["reference"], kept["producer"], kept["lane"]) == ("waiting", "order 7", "shop", "pune")
    assert (kept["body"], kept["recipient"]) == (envelope.body_json(), envelope.to)
    assert kept["expires_at"] - kept["due_at"] == timedelta(seconds=DEADLINES["reply"])


def test_every_envelope_gets_its_receipt_in_order(db: Database) -> None:
    envelopes = [reply(n) for n in range(MAX_DIRECT_HINTS + 10)]
    assert accept_messages(db, *envelopes) == [e.id for e in envelopes]
    assert accept_messages(db) == []


@pytest.mark.parametrize("many", [1, MAX_DIRECT_HINTS + 1], ids=["few", "in bulk"])
def test_the_same_reference_again_is_the_same_message(db: Database, many: int) -> None:
    first = accept_messages(db, *(reply(n, reference=f"r{n}") for n in range(many)))
    receipts, direct = accept(
        db, [reply(n, reference=f"r{n}") for n in range(many)], deadlines=DEADLINES, queued_seconds=10
    )
    assert receipts == [Receipt(identity, new=False) for identity in first]
    assert direct == []


def test_the_same_reference_in_another_lane_is_another_message(db: Database) -> None:
    first, second = accept_messages(db, reply(reference="r"), reply(reference="r", lane="other"))
    assert first != second
    assert find_id(db, "r", "other") == second
    with pytest.raises(Conflict):
        find_id(db, "r")


@pytest.mark.parametrize("many", [1, MAX_DIRECT_HINTS], ids=["few", "in bulk"])
def test_a_reference_for_another_content_is_a_conflict_and_stops_no_other_message(db: Database, many: int) -> None:
    accept_messages(db, reply(reference="r"))
    other = Envelope(to="+919876500000", messages=[Text("Something else")], reference="r")
    fine = [reply(n) for n in range(many)]
    receipts, _ = accept(db, [other, *fine], deadlines=DEADLINES, queued_seconds=10)
    assert isinstance(receipts[0], Conflict)
    assert receipts[1:] == [Receipt(e.id, new=True) for e in fine]


def test_a_repeated_envelope_is_recognized_by_its_id(db: Database) -> None:
    envelope = reply()
    accept_messages(db, envelope)
    receipts, _ = accept(db, [envelope], deadlines=DEADLINES, queued_seconds=10)
    assert receipts == [Receipt(envelope.id, new=False)]


def test_a_reference_accepted_fifty_times_at_once_is_one_message(db: Database) -> None:
    with ThreadPoolExecutor(10) as threads:
        ids = list(threads.map(lambda _: accept_messages(db, reply(reference="r"))[0], range(50)))
    assert len(set(ids)) == 1
    assert [one["id"] for one in list_messages(db)] == [ids[0]]


def test_two_calls_with_the_same_references_in_opposite_order_do_not_deadlock(db: Database) -> None:
    names = [f"r{n}" for n in range(3 * MAX_DIRECT_HINTS)]

    def accept_all(turn: int) -> list[str]:
        return accept_messages(db, *(reply(reference=name) for name in (names if turn % 2 else reversed(names))))

    with ThreadPoolExecutor(4) as threads:
        found = [set(ids) for ids in threads.map(accept_all, range(8))]
    assert len(found[0]) == len(names)
    assert all(ids == found[0] for ids in found)


def test_an_expired_message_is_refused_unless_refused_messages_are_kept(db: Database) -> None:
    late = reply(expires=datetime.now(UTC) - timedelta(seconds=1))
    receipts, _ = accept(db, [late, fine := reply()], deadlines=DEADLINES, queued_seconds=10)
    assert isinstance(receipts[0], Invalid)
    assert receipts[1] == Receipt(fine.id, new=True)
    receipts, _ = accept(db, [late], deadlines=DEADLINES, queued_seconds=10, keep_refused=True)
    assert receipts == [Receipt(late.id, new=True)]


def test_a_repeat_after_the_deadline_keeps_its_first_answer(db: Database) -> None:
    first = reply(reference="order 7", expires=datetime.now(UTC) + timedelta(hours=1))
    accept_messages(db, first)
    past = datetime.now(UTC) - timedelta(seconds=1)
    repeat, other = reply(reference="order 7", expires=past), reply(1, reference="order 7", expires=past)
    receipts, _ = accept(
        db, [repeat, other, first.with_validated(expires=past)], deadlines=DEADLINES, queued_seconds=10
    )
    assert receipts[0] == receipts[2] == Receipt(first.id, new=False)
    assert isinstance(receipts[1], Conflict)


def test_the_last_moment_that_a_caller_may_give_is_stored(db: Database) -> None:
    last = LATEST - timedelta(seconds=1)
    (identity,) = accept_messages(db, reply(at=last))
    accept_messages(db, reply(1, expires=last))
    assert row(db, identity)["due_at"] == last
    assert claim_messages(db, identity) == []


def test_the_end_of_the_calendar_of_an_earlier_release_is_the_last_moment(db: Database) -> None:
    stored = json.loads(reply().to_json()) | {"expires": "9999-12-31T23:59:59.999999+00:00"}
    (identity,) = accept_messages(db, Envelope.from_json(json.dumps(stored)))
    assert row(db, identity)["expires_at"] == LATEST - timedelta(seconds=1)


def test_a_due_message_is_hinted_at_once_and_a_later_one_is_not(db: Database) -> None:
    now, later = reply(), reply(1, at=datetime.now(UTC) + timedelta(hours=1))
    assert hinted(db, now, later) == [now.id]
    assert states_of(db, [now.id, later.id]) == ["queued", "waiting"]


def test_a_message_behind_a_backlog_gets_no_direct_hint_but_a_code_does(db: Database) -> None:
    accept_messages(db, marketing())
    assert hinted(db, reply(1)) == []
    assert hinted(db, reply(2, lane="other"), urgent := otp(3)) != [urgent.id]
    assert hinted(db, another := otp(4)) == [another.id]


def test_a_bulk_gets_no_direct_hints(db: Database) -> None:
    assert hinted(db, *(reply(n) for n in range(MAX_DIRECT_HINTS + 1))) == []


def test_without_workers_no_further_message_is_hinted(db: Database) -> None:
    (forgotten,) = hinted(db, reply())
    update_message(db, forgotten, lease_until=datetime.now(UTC) - timedelta(seconds=60))
    assert hinted(db, otp(1)) == []


def test_few_messages_are_stored_with_the_same_columns_as_many(db: Database) -> None:
    options: dict[str, Any] = {
        "at": datetime.now(UTC) + timedelta(hours=1),
        "fallback": Template("hello"),
        "customer_name": "Asha",
    }
    (few,) = accept_messages(db, reply(**options))
    (many, *_) = accept_messages(db, reply(**options), *(reply() for _ in range(MAX_DIRECT_HINTS)))
    of_one, of_many = row(db, few), row(db, many)
    different = {name for name in of_one if of_one[name] != of_many[name]}
    assert different <= {"id", "created_at", "changed_at", "expires_at"}


def test_a_session_that_the_server_ended_costs_one_call(
    postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    db = Database(copied_ledger(postgres_server))  # a database whose sessions are all its own
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    accept_messages(db, reply())
    with db.write() as tx:
        tx.execute(text(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}"))
    with pytest.raises(Unavailable):
        accept_messages(db, reply(1))
    assert accept_messages(db, again := reply(1)) == [again.id]
    assert not caplog.records
    db.close()


@pytest.mark.parametrize("envelope", [reply(reference="r"), otp(reference="r")], ids=["letter", "code"])
def test_a_message_without_a_caller_is_stored_as_failed_without_its_reference(db: Database, envelope: Envelope) -> None:
    for _ in range(2):
        accept_as_failed(db, envelope, "reference-conflict", "It stands for another message.", DEADLINES)
    kept = row(db, envelope.id)
    assert (kept["state"], kept["code"], kept["reference"]) == ("failed", "reference-conflict", None)
    assert (kept["body"] is None) == (envelope.category == "authentication")
    assert audit(db).clean


def test_a_repeat_is_found_by_the_id_that_its_client_gave_it(db: Database) -> None:
    (kept,) = accept_messages(db, reply(reference="r"))
    given = reply().id
    for _ in range(2):
        add_aliases(db, {given: kept, kept: kept})
    assert find_id(db, given) == find_id(db, "r") == find_id(db, kept) == kept
    with pytest.raises(NotFound):
        find_id(db, reply().id)


def test_five_hundred_repeats_are_recognized_in_one_call(db: Database) -> None:
    first = accept_messages(db, *(reply(n, reference=f"r{n}") for n in range(500)))
    assert accept_messages(db, *(reply(n, reference=f"r{n}") for n in range(500))) == first


@pytest.mark.parametrize("body", ["नमस्ते 🎉", 'Hello "Asha" \\ :name {each} %s $name'])
def test_special_characters_are_stored_unchanged(db: Database, body: str) -> None:
    envelopes = [Envelope(to="+919876500000", messages=[Text(body)]) for _ in range(MAX_DIRECT_HINTS + 1)]
    for batch in (envelopes[:1], envelopes[1:]):
        (*_, identity) = accept_messages(db, *batch)
        assert row(db, identity)["body"] == envelopes[0].body_json()


def test_a_database_without_tables_raises_an_error_with_the_next_step(database_url: str) -> None:
    empty = Database(database_url)
    with pytest.raises(LedgerError, match=r"workers\.migrate"):
        accept_messages(empty, reply())
    empty.close()
