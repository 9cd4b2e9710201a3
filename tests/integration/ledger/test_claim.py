"""Claim: a message is leased to one worker, and a second claim gets nothing."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from harkara.ledger.database import Database
from harkara.ledger.messages.claim import claim
from harkara.ledger.messages.commands import cancel
from harkara.outcomes import Cancelled, Refused, Wait
from tests.integration.ledger.steps import (
    accept_messages,
    age_messages,
    begin_posts,
    claim_messages,
    marketing,
    otp,
    record_outcome,
    reply,
    row,
    send_message,
    states_of,
    update_message,
)


def test_a_claimed_message_is_leased_to_one_worker(db: Database) -> None:
    (identity,) = accept_messages(db, reply())
    (claimed,) = claim_messages(db, identity, lease_seconds=7)
    kept = row(db, identity)
    assert (kept["state"], kept["epoch"], kept["claims"], kept["strikes"]) == ("claimed", 1, 1, 1)
    assert kept["lease_until"] - claimed.claimed_at == timedelta(seconds=7)
    assert (claimed.id, claimed.epoch, claimed.body) == (identity, 1, kept["body"])
    assert claim_messages(db, identity) == []


def test_eight_threads_with_overlapping_ids_claim_each_once(db: Database) -> None:
    ids = accept_messages(db, *(reply(n) for n in range(120)))

    def work(seed: int) -> list[str]:
        mine = random.Random(seed).sample(ids, len(ids))
        chunks = [mine[first : first + 20] for first in range(0, len(mine), 10)]
        return [one.id for chunk in chunks for one in claim(db, chunk, 10)]

    with ThreadPoolExecutor(8) as threads:
        taken = Counter(identity for found in threads.map(work, range(8)) for identity in found)
    assert taken == Counter(ids)
    assert {row(db, identity)["claims"] for identity in ids} == {1}


def test_claims_are_ordered_by_priority_then_deadline(db: Database) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=60)
    ids = accept_messages(db, marketing(1), reply(2), reply(3, expires=soon), otp(4))
    assert [one.id for one in claim_messages(db, *ids)] == [ids[3], ids[2], ids[1], ids[0]]


def test_a_message_that_is_not_due_is_not_claimed(db: Database) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert claim_messages(db, *accept_messages(db, reply(at=tomorrow))) == []


def test_a_hint_may_arrive_before_its_message_is_queued_or_long_after(db: Database) -> None:
    waiting, done, gone = accept_messages(db, reply(1), reply(2), reply(3))
    (claimed,) = claim_messages(db, done)
    begin_posts(db, claimed)
    cancel(db, [gone], by="a test")
    assert [one.id for one in claim_messages(db, waiting, done, gone, reply().id)] == [waiting]
    assert states_of(db, [waiting, done, gone]) == ["claimed", "sending", "cancelled"]


def test_a_worker_that_was_frozen_past_its_lease_may_not_begin(db: Database) -> None:
    (identity,) = accept_messages(db, reply())
    (claimed,) = claim_messages(db, identity)
    age_messages(db, 11)
    assert begin_posts(db, claimed) == set()
    assert row(db, identity)["tries"] == 0


def test_of_two_claims_of_one_message_in_one_commit_only_the_later_may_begin(db: Database) -> None:
    """This happens when a process outlives its lease and gets a hint for the same message again."""
    (identity,) = accept_messages(db, reply())
    (old,) = claim_messages(db, identity)
    update_message(db, identity, state="waiting", lease_until=None)
    (new,) = claim_messages(db, identity)
    assert begin_posts(db, old, new) == {(identity, new.epoch)}
    assert row(db, identity)["tries"] == 1


def test_a_worker_of_an_old_epoch_writes_nothing(db: Database) -> None:
    (identity,) = accept_messages(db, reply())
    (old,) = claim_messages(db, identity)
    update_message(db, identity, state="waiting", lease_until=None)
    (new,) = claim_messages(db, identity)
    before = row(db, identity)
    assert begin_posts(db, old) == set()
    for outcome in (Wait(0, "late", "…"), Cancelled("expired", "…"), Refused("1", "…", "…")):
        for posted in (False, True):
            record_outcome(db, old, outcome, posted=posted)
    assert row(db, identity) == before | {"strikes": 0}, (
        "only the strike goes: the worker is alive, so the message is no poison"
    )
    assert begin_posts(db, new)


def test_a_message_is_accepted_claimed_sent_and_recorded(db: Database) -> None:
    kept = row(db, send_message(db, reply()))
    assert (kept["state"], kept["tries"], kept["strikes"], kept["lease_until"]) == ("accepted", 1, 0, None)
