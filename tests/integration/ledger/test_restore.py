"""A restored ledger: which messages become uncertain, and how Redis shows that the ledger is too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from harkara.delivery.last_posts import KEY, LastPosts
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.halts import RESTORED, list_halts
from harkara.ledger.messages.commands import resolve
from harkara.ledger.restore import latest_posts, park_restored, settle_restored
from harkara.outcomes import Uncertain
from harkara.states import State
from tests.integration.ledger.occasions import VISIT, reminder_rows, save, visit
from tests.integration.ledger.steps import (
    ACCEPTED,
    PARKED,
    accept_messages,
    age_messages,
    attempts_of,
    begin_posts,
    claim_messages,
    dispatch_all,
    otp,
    record_outcome,
    reply,
    row,
    run_sweep,
    send_message,
    states_of,
    trace_of,
    unpark,
    update_message,
)

LANES = ("default", "shop")


def halts(db: Database) -> list[tuple[str, str, str]]:
    return [(halt.lane, halt.state, halt.code) for halt in list_halts(db)]


def test_every_unsent_message_that_is_due_becomes_uncertain_and_no_other(db: Database) -> None:
    waiting, queued, claimed = accept_messages(db, reply(1), reply(2), otp(3))
    later = accept_messages(db, reply(4, at=datetime.now(UTC) + timedelta(hours=1)))
    sent = send_message(db, reply(5))
    parked = send_message(db, reply(6), PARKED)
    update_message(db, queued, state="queued", lease_until=datetime.now(UTC))
    claim_messages(db, claimed)
    assert settle_restored(db, LANES, by="Asha") == 4
    assert states_of(db, [waiting, queued, claimed, parked]) == ["uncertain"] * 4
    assert states_of(db, [*later, sent]) == ["waiting", "accepted"]
    found = row(db, waiting)
    assert (found["code"], found["resend_at"], found["lease_until"]) == (RESTORED, None, None)
    assert trace_of(db, waiting)[-1] == "uncertain"
    assert halts(db) == [("default", "parked", "operator"), ("shop", "parked", "operator")]
    assert audit(db).clean
    assert settle_restored(db, LANES, by="Asha") == 0


def test_more_messages_than_one_transaction_changes_become_uncertain(db: Database) -> None:
    accept_messages(db, *(reply(n) for n in range(1100)))
    assert settle_restored(db, LANES, by="Asha") == 1100


def test_a_worker_that_still_runs_sends_none_of_them(db: Database) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    settle_restored(db, LANES, by="Asha")
    assert begin_posts(db, claimed) == set()
    assert dispatch_all(db) == []


def test_a_message_that_was_being_sent_is_left_to_the_sweep(db: Database) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, reply()))
    assert begin_posts(db, claimed)
    assert settle_restored(db, LANES, by="Asha") == 0
    age_messages(db, 60)
    run_sweep(db)
    assert states_of(db, [claimed.id]) == ["uncertain"]


def test_in_a_lane_that_waits_for_a_decision_no_message_is_claimed_or_expires(db: Database) -> None:
    late, other = accept_messages(db, reply(1), reply(2, lane="shop"))
    age_messages(db, 7 * 86_400)
    park_restored(db, ["default"])
    assert [claimed.id for claimed in claim_messages(db, late, other)] == [other]
    run_sweep(db)
    assert states_of(db, [late]) == ["waiting"]
    assert settle_restored(db, LANES, by="Asha") == 2
    (later,) = accept_messages(db, reply(3))
    age_messages(db, 7 * 86_400, later)
    run_sweep(db)
    assert states_of(db, [late, later]) == ["uncertain", "cancelled"]


@pytest.mark.parametrize(
    "code", ["lane-parked", "template-paused", "worker-trouble", "lane-limit", "budget", "window-closed"]
)
def test_a_message_that_waits_for_its_lane_or_a_worker_may_have_been_sent_before_it_is_due(
    db: Database, code: str
) -> None:
    (held,) = accept_messages(db, reply(at=datetime.now(UTC) + timedelta(hours=1)))
    update_message(db, held, code=code)
    assert settle_restored(db, LANES, by="Asha") == 1


def test_a_reminder_that_replaces_one_which_was_due_may_be_its_repeat(db: Database) -> None:
    """The application corrects the occasion before an operator has named the time of the outage."""
    at = datetime.now(UTC) + timedelta(hours=23)
    save(db, visit(at=at))
    (first,) = reminder_rows(db, "-24h")
    age_messages(db, 3600, first["id"])
    outage = datetime.now(UTC) - timedelta(minutes=30)
    save(db, visit(at=at, parameters={**VISIT, "doctor": "Dr Menon"}))
    first, second = reminder_rows(db, "-24h")
    assert (first["state"], second["state"]) == ("cancelled", "waiting")
    assert settle_restored(db, LANES, by="Asha", sent_until=outage) == 1
    assert states_of(db, [second["id"]]) == ["uncertain"]


def test_a_decision_to_send_is_flagged(db: Database) -> None:
    (identity,) = accept_messages(db, reply())
    settle_restored(db, LANES, by="Asha")
    assert resolve(db, identity, "resend", by="Asha") is State.WAITING
    unpark(db, "default")
    (claimed,) = claim_messages(db, identity)
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    found = row(db, identity)
    assert (found["state"], found["maybe_duplicate"]) == ("accepted", True)
    assert audit(db).clean


@pytest.mark.parametrize(
    "lost", [{"state": "claimed"}, {"state": "waiting", "epoch": 0, "claims": 0}], ids=["the POST", "its claim too"]
)
def test_an_answer_to_a_post_that_the_ledger_has_lost_is_recorded_with_the_post(
    db: Database, lost: dict[str, Any]
) -> None:
    (identity,) = accept_messages(db, reply())
    (claimed,) = claim_messages(db, identity)
    update_message(db, identity, **lost)
    record_outcome(db, claimed, ACCEPTED)
    record_outcome(db, claimed, ACCEPTED)
    assert states_of(db, [identity]) == ["accepted"]
    (post,) = attempts_of(db, identity)
    assert (post["epoch"], post["outcome"], post["job_id"]) == (1, "accepted", ACCEPTED.job_id)
    assert audit(db).clean


def test_the_latest_post_of_each_lane_is_found(db: Database) -> None:
    assert latest_posts(db, LANES) == {}
    first = send_message(db, reply(1))
    age_messages(db, 3600, first)
    old = latest_posts(db, LANES)["default"]
    send_message(db, reply(2, lane="shop"))
    send_message(db, reply(3), Uncertain("read-timeout", "No answer came in time.", None))
    found = latest_posts(db, LANES)
    assert found.keys() == {"default", "shop"}
    assert found["default"] - old > timedelta(minutes=59)


def test_a_ledger_with_all_its_posts_parks_nothing(db: Database, redis_client: redis.Redis) -> None:
    posts = LastPosts(db, redis_client, LANES)
    assert posts.compare() == []
    for n in range(2):
        send_message(db, reply(n))
        assert posts.compare() == []
    assert redis_client.hgetall(KEY).keys() == {"default"}
    assert halts(db) == []


def test_a_lane_whose_last_post_the_ledger_lacks_is_parked_until_an_operator_settles_it(
    db: Database, redis_client: redis.Redis
) -> None:
    send_message(db, reply(1))
    send_message(db, reply(2, lane="shop"))
    posts = LastPosts(db, redis_client, LANES)
    posts.compare()
    later = latest_posts(db, LANES)["default"] + timedelta(seconds=1)
    redis_client.hset(KEY, "default", later.isoformat())
    assert posts.compare() == ["default"]
    assert posts.compare() == ["default"]
    assert halts(db) == [("default", "parked", RESTORED)]
    assert redis_client.hget(KEY, "default") == later.isoformat(), "a later start must find it, too"
    settle_restored(db, LANES, by="Asha")
    posts.forget()
    assert posts.compare() == []
    assert {code for _, _, code in halts(db)} == {"operator"}


def test_an_empty_ledger_beside_a_redis_that_knows_posts_is_parked(db: Database, redis_client: redis.Redis) -> None:
    redis_client.hset(KEY, mapping={"default": datetime.now(UTC).isoformat(), "gone": datetime.now(UTC).isoformat()})
    assert LastPosts(db, redis_client, LANES).compare() == ["default"], "a lane that is not configured sends nothing"
