"""Callbacks in the ledger: each change of which the application hears leaves one, in the transaction of the change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update

from harkara.defaults import DEADLINES
from harkara.errors import Conflict, NotFound
from harkara.ledger.audit import audit
from harkara.ledger.callbacks.dead_callbacks import clean_up, count_callbacks, list_callbacks, retry, retry_dead
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.callbacks.outbox import (
    ClaimedCallback,
    Dead,
    Delivered,
    DeliveryResult,
    Failed,
    Untried,
    expire,
    record_results,
)
from harkara.ledger.callbacks.outbox import claim as claim_callbacks
from harkara.ledger.campaigns import commands as campaigns
from harkara.ledger.database import Database, Row
from harkara.ledger.messages import commands
from harkara.ledger.messages.accept import accept_as_failed
from harkara.ledger.messages.queries import get_status
from harkara.ledger.messages.record import record
from harkara.ledger.messages.result import ClaimResult
from harkara.ledger.sweep import POISON_CLAIMS
from harkara.ledger.tables import callback, message
from harkara.outcomes import Cancelled, Outcome, Refused, Uncertain, Wait
from tests.integration.ledger import bookings
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    accept_messages,
    age_messages,
    begin_posts,
    dispatch_all,
    record_outcome,
    reply,
    run_sweep,
    send_message,
    states_of,
)
from tests.integration.ledger.steps import claim_messages as claim
from tests.integration.ledger.test_campaigns import loaded

REFUSED = Refused("131026", "Undeliverable", "The number has no WhatsApp.", 400)
NUMBER_AND_TEXT = ("9198765", "Your table is ready", "493817")
HOUR = 3600.0


@pytest.fixture
def told(db: Database) -> Iterator[Database]:
    """The same ledger, as a deployment with an application that wants to hear has it."""
    database = Database(db.url.render_as_string(hide_password=False), connections=10, callbacks_enabled=True)
    yield database
    database.close()


def kept(db: Database, *subjects: str) -> list[Row]:
    with db.read() as tx:
        query = select(callback).order_by(callback.c.created_at, callback.c.id)
        return tx.rows(query.where(callback.c.subject.in_(subjects)) if subjects else query)


def heard(db: Database, *subjects: str) -> list[str]:
    """What was told of these messages, in order."""
    return [row["kind"].removeprefix("message.") for row in kept(db, *subjects)]


def taken(db: Database, most: int = 50, lease_seconds: float = 60) -> list[ClaimedCallback]:
    return claim_callbacks(db, most, lease_seconds)


def told_of(db: Database, identity: str) -> list[dict[str, Any]]:
    return [notice.data for notice in taken(db) if notice.data.get("id") == identity]


def pass_time(db: Database, seconds: float) -> None:
    moments = ("due_at", "expires_at", "created_at", "done_at")
    with db.write() as tx:
        for row in tx.rows(select(callback)):
            past = {name: row[name] - timedelta(seconds=seconds) for name in moments if row[name]}
            tx.execute(update(callback).where(callback.c.id == row["id"]).values(**past))


def one(db: Database, data: dict[str, Any] | None = None) -> ClaimedCallback:
    """A callback that was just told, in the hands of a worker."""
    with db.write() as tx:
        notify(tx, "message.received", "default", "evt_1", data or {"text": "On my way"})
    (notice,) = taken(db)
    return notice


# What is told


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (ACCEPTED, "accepted"),
        (REFUSED, "failed"),
        (LOST, "uncertain"),
        (Cancelled("expired", "Its deadline passed."), "cancelled"),
    ],
)
def test_an_outcome_is_told_once_however_often_it_is_recorded(told: Database, outcome: Outcome, state: str) -> None:
    (identity,) = accept_messages(told, reply())
    (claimed,) = claim(told, identity)
    posted = not isinstance(outcome, Cancelled)
    if posted:
        begin_posts(told, claimed)
    for _ in range(2):
        record_outcome(told, claimed, outcome, posted=posted)
    assert heard(told, identity) == [state]


def test_what_stays_uncertain_is_told_again_with_its_better_reason(told: Database) -> None:
    (identity,) = accept_messages(told, reply())
    (claimed,) = claim(told, identity)
    begin_posts(told, claimed)
    age_messages(told, 31)
    run_sweep(told)
    record_outcome(told, claimed, LOST)
    assert [data["code"] for data in told_of(told, identity)] == ["crashed", LOST.code]


def test_the_way_to_an_outcome_is_not_told(told: Database) -> None:
    first, second = accept_messages(told, reply(1), reply(2))
    dispatch_all(told)
    (claimed,) = claim(told, first)
    begin_posts(told, claimed)
    record_outcome(told, claimed, Wait(20, "429", "Too many requests."))
    claim(told, second)
    age_messages(told, 11)
    run_sweep(told)
    assert states_of(told, [first, second]) == ["waiting", "waiting"]
    assert heard(told) == []


def cancelled(db: Database) -> tuple[str, list[str]]:
    (identity,) = accept_messages(db, reply())
    for _ in range(2):
        commands.cancel(db, [identity], "Asha")
    return identity, ["cancelled"]


def expired(db: Database) -> tuple[str, list[str]]:
    (identity,) = accept_messages(db, reply(expires=datetime.now(UTC) + timedelta(seconds=30)))
    age_messages(db, 31)
    run_sweep(db)
    return identity, ["cancelled"]


def poisoned(db: Database) -> tuple[str, list[str]]:
    (identity,) = accept_messages(db, reply())
    for _ in range(POISON_CLAIMS):
        claim(db, identity)
        age_messages(db, 11)
        run_sweep(db)
    return identity, ["failed"]


def crashed_resent_and_taken(db: Database) -> tuple[str, list[str]]:
    (identity,) = accept_messages(db, reply())
    begin_posts(db, *claim(db, identity))
    age_messages(db, 31)
    run_sweep(db, resend_after=5)
    age_messages(db, 6)
    run_sweep(db)
    (claimed,) = claim(db, identity)
    begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    return identity, ["uncertain", "accepted"]


def answered_after_the_sweep(db: Database) -> tuple[str, list[str]]:
    (identity,) = accept_messages(db, reply())
    (claimed,) = claim(db, identity)
    begin_posts(db, claimed)
    age_messages(db, 31)
    run_sweep(db)
    record_outcome(db, claimed, REFUSED)
    return identity, ["uncertain", "failed"]


def resent_and_expired(db: Database) -> tuple[str, list[str]]:
    identity = send_message(db, reply(expires=datetime.now(UTC) + timedelta(seconds=30)), Uncertain("reset", "Lost", 5))
    age_messages(db, 6)
    run_sweep(db)
    age_messages(db, 30)
    run_sweep(db)
    return identity, ["uncertain", "uncertain"]  # an earlier try may have arrived: not cancelled


def seen_to_have_arrived(db: Database) -> tuple[str, list[str]]:
    identity = send_message(db, reply(), LOST)
    commands.resolve(db, identity, "sent", "Asha")
    return identity, ["uncertain", "accepted"]


def dropped(db: Database) -> tuple[str, list[str]]:
    identity = send_message(db, reply(), LOST)
    commands.resolve(db, identity, "drop", "Asha")
    return identity, ["uncertain", "cancelled"]


def resent_by_hand(db: Database) -> tuple[str, list[str]]:
    identity = send_message(db, reply(), LOST)
    commands.resolve(db, identity, "resend", "Asha")
    (claimed,) = claim(db, identity)
    begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    return identity, ["uncertain", "accepted"]


def refused_at_the_door(db: Database) -> tuple[str, list[str]]:
    envelope = reply()
    for _ in range(2):
        accept_as_failed(db, envelope, "unknown-lane", "No lane has this name.", DEADLINES)
    return envelope.id, ["failed"]


def superseded(db: Database) -> tuple[str, list[str]]:
    bookings.say(db, bookings.visit())
    first = bookings.reminders(db)[0]["id"]
    bookings.say(db, bookings.visit(at=bookings.noon(5)))
    return first, ["cancelled"]


def of_a_campaign_that_was_cancelled(db: Database) -> tuple[str, list[str]]:
    identity = loaded(db, 1)
    with db.read() as tx:
        only = tx.execute(select(message.c.id).where(message.c.campaign_id == identity)).scalar_one()
    campaigns.cancel(db, identity, "Asha")
    return str(only), ["cancelled"]


@pytest.mark.parametrize(
    "way",
    [
        cancelled,
        expired,
        poisoned,
        crashed_resent_and_taken,
        answered_after_the_sweep,
        resent_and_expired,
        seen_to_have_arrived,
        dropped,
        resent_by_hand,
        refused_at_the_door,
        superseded,
        of_a_campaign_that_was_cancelled,
    ],
    ids=lambda way: way.__name__.replace("_", " "),
)
def test_each_change_on_every_way_is_told_once(
    told: Database, way: Callable[[Database], tuple[str, list[str]]]
) -> None:
    identity, changes = way(told)
    assert heard(told, identity) == changes
    assert audit(told).clean


def test_what_is_told_is_what_everybody_may_see_at_that_moment(told: Database) -> None:
    identity = send_message(told, reply(reference="order-1042"), LOST)
    seen = get_status(told, identity)
    commands.resolve(told, identity, "sent", "Asha")
    uncertain, accepted = told_of(told, identity)
    assert uncertain == {name: seen[name] for name in uncertain}
    assert (uncertain["state"], uncertain["code"], uncertain["reference"]) == ("uncertain", LOST.code, "order-1042")
    assert (accepted["state"], accepted["flags"]) == ("accepted", [])


def test_of_a_reminder_the_occasion_is_told_and_of_a_campaign_its_id(told: Database) -> None:
    reminder, _ = superseded(told)
    (first,) = told_of(told, reminder)
    assert first["occasion"]["kind"] == "appointment"
    assert first["occasion"]["reference"] == "visit 7"
    assert first["occasion"]["rule"]
    pass_time(told, HOUR)
    letter_of_it, _ = of_a_campaign_that_was_cancelled(told)
    (second,) = told_of(told, letter_of_it)
    assert second["campaign"].startswith("camp_")
    assert "occasion" not in second


def test_neither_number_nor_text_is_kept_for_a_state(told: Database) -> None:
    send_message(told, reply())
    send_message(told, reply(1), REFUSED)
    assert [found for found in NUMBER_AND_TEXT for row in kept(told) if found in str(row)] == []


def test_what_an_older_release_kept_is_told_as_far_as_it_goes(told: Database) -> None:
    identity = send_message(told, reply(reference="order-1042"))
    with told.write() as tx:
        (row,) = tx.rows(select(callback.c.data))
        less = {name: value for name, value in json.loads(row["data"]).items() if name not in ("tries", "job_id")}
        tx.execute(update(callback).values(data=json.dumps(less)))
    (data,) = told_of(told, identity)
    assert (data["reference"], data["state"], data["job_id"]) == ("order-1042", "accepted", None)


def test_what_is_rolled_back_is_not_told(told: Database) -> None:
    (identity,) = accept_messages(told, reply())
    with suppress(ZeroDivisionError), told.write() as tx:
        assert commands.cancel_messages(tx, [identity], "cancelled", "by Asha") == [identity]
        raise ZeroDivisionError
    assert heard(told) == []


# What it costs


def test_a_group_commit_tells_of_all_it_accepted_by_one_statement(db: Database, told: Database) -> None:
    assert statements(told) == statements(db) + 1


def test_a_ledger_that_tells_nobody_writes_nothing(db: Database) -> None:
    send_message(db, reply())
    send_message(db, reply(1), REFUSED)
    with db.write() as tx:
        notify(tx, "message.received", "default", "evt_1", {"text": "Hello"})
    assert kept(db) == []


def statements(db: Database) -> int:
    """How many a group commit of five accepted messages takes."""
    claimed = claim(db, *accept_messages(db, *(reply(n) for n in range(5))))
    begin_posts(db, *claimed)
    seen: list[str] = []
    with db.write() as tx:
        _ = tx.now
        event.listen(db.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
        record(tx, [ClaimResult.of(each, ACCEPTED, posted=True) for each in claimed])
    return len(seen)


# The outbox


def test_two_workers_never_take_the_same(told: Database) -> None:
    for n in range(10):
        send_message(told, reply(n))
    first, second = taken(told, 6), taken(told, 6)
    assert (len(first), len(second), len({each.id for each in first + second})) == (6, 4, 10)
    assert [each.id for each in first] == sorted(each.id for each in first)
    assert taken(told) == []


def test_what_a_dead_worker_took_is_taken_again_when_its_lease_is_over(told: Database) -> None:
    before = one(told)
    pass_time(told, 61)
    (again,) = taken(told)
    assert (again.id, again.tries, again.data) == (before.id, 2, before.data)


def test_a_worker_that_comes_back_late_writes_nothing_but_that_it_was_delivered(told: Database) -> None:
    late = one(told)
    pass_time(told, 61)
    (now,) = taken(told)
    record_results(told, [(late, Dead("HTTP 410", 410))])
    assert kept(told)[0]["state"] == "waiting"
    record_results(told, [(late, Delivered(204))])
    record_results(told, [(now, Failed("HTTP 500", 500, 5.0))])
    (row,) = kept(told)
    assert (row["state"], row["status"], row["reason"], row["data"]) == ("delivered", 204, None, None)


@pytest.mark.parametrize(
    ("verdict", "state", "tries", "reason"),
    [
        (Delivered(200), "delivered", 1, None),
        (Failed("HTTP 500", 500, 5.0), "waiting", 1, "HTTP 500"),
        (Failed("HTTP 429", 429, 25 * HOUR), "dead", 1, "HTTP 429"),
        (Dead("HTTP 410", 410), "dead", 1, "HTTP 410"),
        (Untried("It is barred.", 60.0), "waiting", 0, "It is barred."),
    ],
)
def test_every_verdict_is_written_whole(
    told: Database, verdict: DeliveryResult, state: str, tries: int, reason: str | None
) -> None:
    notice = one(told)
    record_results(told, [(notice, verdict)])
    (row,) = kept(told)
    assert (row["state"], row["tries"], row["reason"]) == (state, tries, reason)
    assert (row["data"] is None) == (state == "delivered")
    assert (row["done_at"] is None) == (state == "waiting")
    wait = verdict.seconds if isinstance(verdict, Failed | Untried) else 0
    assert abs((row["due_at"] - row["created_at"]).total_seconds() - wait) < 2
    assert taken(told) == []


def test_nothing_of_what_is_told_shows_in_the_repr_of_a_notice(told: Database) -> None:
    assert "On my way" not in repr(one(told))


def test_what_could_not_be_told_within_its_day_is_given_up_when_nothing_can(told: Database) -> None:
    send_message(told, reply(1))
    pass_time(told, 25 * HOUR)
    send_message(told, reply(2))
    assert expire(told, "HTTP 500") == 1
    assert [row["state"] for row in kept(told)] == ["dead", "waiting"]


# Kept, tried again, forgotten


def test_a_dead_one_is_tried_again_for_another_day(told: Database) -> None:
    notice = one(told)
    record_results(told, [(notice, Dead("HTTP 410", 410))])
    pass_time(told, 30 * HOUR)
    retry(told, [notice.id])
    (again,) = taken(told)
    assert again.data == notice.data
    record_results(told, [(again, Failed("HTTP 500", 500, 5.0))])
    assert count_callbacks(told) == {"waiting": 1, "dead": 0}


def test_all_that_are_dead_are_tried_again_at_once(told: Database) -> None:
    for n in range(3):
        send_message(told, reply(n))
    first, second, _ = taken(told)
    record_results(told, [(first, Dead("HTTP 410", 410)), (second, Dead("HTTP 410", 410))])
    assert (retry_dead(told), [each.id for each in taken(told)]) == (2, [first.id, second.id])


def test_what_is_unknown_or_erased_is_not_tried_again_nor_is_anything_beside_it(told: Database) -> None:
    first = one(told)
    record_results(told, [(first, Delivered(200))])
    second = one(told)
    record_results(told, [(second, Dead("HTTP 410", 410))])
    with pytest.raises(Conflict, match="is delivered"):
        retry(told, [second.id, first.id])
    with pytest.raises(NotFound, match="harkara callbacks list"):
        retry(told, [second.id, "msg_unknown"])
    assert count_callbacks(told) == {"waiting": 0, "dead": 1}


def test_the_list_shows_everything_but_what_is_told(told: Database) -> None:
    record_results(told, [(one(told), Dead("HTTP 410", 410))])
    send_message(told, reply())
    assert [row.kind for row in list_callbacks(told, ["waiting", "dead"], 10)] == [
        "message.received",
        "message.accepted",
    ]
    assert [row.reason for row in list_callbacks(told, ["dead"], 10)] == ["HTTP 410"]
    assert "On my way" not in str(list_callbacks(told, ["dead"], 10))


def test_a_week_is_kept_and_the_dead_as_long_as_messages(told: Database) -> None:
    day = 24 * HOUR
    record_results(told, [(one(told), Delivered(200))])
    record_results(told, [(one(told), Dead("HTTP 410", 410))])
    with told.write() as tx:
        notify(tx, "message.received", "default", "evt_2", {"text": "Nobody is told any more"})
    pass_time(told, 6.9 * day)
    assert clean_up(told, 90 * day) == 0
    pass_time(told, 0.2 * day)
    assert clean_up(told, 90 * day) == 3
    assert [(row["state"], row["data"]) for row in kept(told)] == [("dead", None), ("dead", None)]
    assert clean_up(told, 90 * day) == 0
    pass_time(told, 83 * day)
    assert clean_up(told, None) == 0
    assert clean_up(told, 90 * day) == 1
    pass_time(told, 7 * day)
    assert clean_up(told, 90 * day) == 1
    assert kept(told) == []
