"""WhatsApp fails an accepted message for its 24-hour window: its fallback is sent instead, once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.messages.queries import get_status
from harkara.outcomes import Accepted, Outcome, Refused, Uncertain
from tests.integration.ledger.late_fallback import (
    CODES,
    FALLBACK,
    failed,
    fallback_webhook,
    send_fallback,
    with_fallback,
)
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    attempts_of,
    begin_posts,
    claim_messages,
    record_outcome,
    reply,
    row,
    trace_of,
)
from tests.integration.ledger.webhooks import (
    CONTEXT,
    LANE,
    age_events,
    deliver_webhooks,
    post_message,
    process_events,
    send_message,
    state_of,
    status_webhook,
    store_webhooks,
)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("before", [(), ("sent",)])
def test_a_failure_for_the_window_lets_the_fallback_be_sent(db: Database, code: int, before: Sequence[str]) -> None:
    message_id = send_message(db, with_fallback(reference="order 7"))
    deliver_webhooks(db, *(status_webhook(db, status) for status in before))
    deliver_webhooks(db, failed(db, code))
    waiting = row(db, message_id)
    assert (waiting["state"], waiting["code"], waiting["replaced"]) == ("waiting", "window-closed", True)
    assert "493817" not in waiting["reason"]
    claimed = send_fallback(db, message_id)
    assert json.loads(claimed.body)["messages"] == [FALLBACK.wire()]
    for status in ("sent", "delivered", "read"):
        deliver_webhooks(db, fallback_webhook(db, status, claimed))
        assert state_of(db, message_id) == status
    assert get_status(db, message_id)["flags"] == ["fallback"]
    assert [attempt["outcome"] for attempt in attempts_of(db, message_id)] == ["replaced", "accepted"]
    assert trace_of(db, message_id) == [*before, "waiting", "sent", "delivered", "read"]
    assert audit(db).clean


def test_the_template_of_the_lane_is_a_fallback_too(db: Database) -> None:
    lanes = {"default": replace(LANE, reengage="write_to_us")}
    message_id = send_message(db, reply())
    store_webhooks(db, failed(db))
    process(db, replace(CONTEXT, lanes=lanes))
    assert (row(db, message_id)["state"], row(db, message_id)["template"]) == ("waiting", "write_to_us")


def test_repeats_of_the_failure_change_nothing_more(db: Database) -> None:
    message_id = send_message(db, with_fallback(), Accepted("job-1", 202))
    deliver_webhooks(db, failed(db, jobId="job-1"), failed(db, jobId="job-1"))
    assert state_of(db, message_id) == "waiting"
    claimed = send_fallback(db, message_id, Accepted("job-2", 202))
    repeats = (failed(db, 131026, "wamid.1", jobId="job-1", n=1), failed(db, 131026, None, jobId="job-1"))
    assert deliver_webhooks(db, *repeats) == Counter({"folded": 1}), "the first is known by its id"
    assert state_of(db, message_id) == "accepted"
    deliver_webhooks(db, failed(db, wamid="wamid.2", message={"type": "template"}, jobId="job-2"))
    assert (state_of(db, message_id), row(db, message_id)["code"]) == ("failed", "window-closed")
    assert len(attempts_of(db, claimed.id)) == 2
    assert audit(db).clean


@pytest.mark.parametrize("order", list(permutations(("sent", "delivered", "read", "failed"))))
def test_a_message_that_arrived_on_one_device_is_not_sent_again_in_any_order(
    db: Database, order: Sequence[str]
) -> None:
    """The first message gets its events together, the second one by one."""
    ids = [send_message(db, with_fallback(n)) for n in range(2)]
    for n, together in enumerate((True, False)):
        raw = [failed(db, wamid=f"w{n}", n=n) if s == "failed" else status_webhook(db, s, f"w{n}", n) for s in order]
        for batch in [raw] if together else [[one] for one in raw]:
            deliver_webhooks(db, *batch)
    assert [state_of(db, message_id) for message_id in ids] == ["read"] * 2
    assert [len(attempts_of(db, message_id)) for message_id in ids] == [1, 1]
    assert [row(db, message_id)["maybe_duplicate"] for message_id in ids] == [False, False]
    assert audit(db).clean


def test_a_late_sent_is_not_about_the_fallback(db: Database) -> None:
    message_id = send_message(db, with_fallback())
    deliver_webhooks(db, failed(db), status_webhook(db, "sent"))
    assert state_of(db, message_id) == "waiting"
    send_fallback(db, message_id)
    deliver_webhooks(db, status_webhook(db, "sent", timestamp=datetime.now(UTC).timestamp() + 1))
    assert state_of(db, message_id) == "accepted"


def test_a_late_arrival_is_not_about_another_message_with_the_same_text(db: Database) -> None:
    first, second = send_message(db, with_fallback()), send_message(db, with_fallback())
    deliver_webhooks(db, failed(db))
    assert sorted([state_of(db, first), state_of(db, second)]) == ["accepted", "waiting"]
    deliver_webhooks(db, status_webhook(db, "delivered"))
    assert sorted([state_of(db, first), state_of(db, second)]) == ["accepted", "delivered"]


def test_an_arrival_stops_a_fallback_that_a_worker_has_claimed(db: Database) -> None:
    message_id = send_message(db, with_fallback())
    deliver_webhooks(db, failed(db))
    (claimed,) = claim_messages(db, message_id)
    deliver_webhooks(db, status_webhook(db, "delivered"))
    assert not begin_posts(db, claimed)
    assert (state_of(db, message_id), len(attempts_of(db, message_id))) == ("delivered", 1)
    assert audit(db).clean


def test_an_arrival_after_the_fallback_shows_a_possible_duplicate(db: Database) -> None:
    message_id = send_message(db, with_fallback())
    deliver_webhooks(db, failed(db))
    send_fallback(db, message_id)
    deliver_webhooks(db, status_webhook(db, "delivered"))
    assert (state_of(db, message_id), row(db, message_id)["maybe_duplicate"]) == ("delivered", True)
    assert audit(db).clean


def test_the_late_answer_of_an_uncertain_post_does_not_count_for_the_fallback(db: Database) -> None:
    claimed = post_message(db, with_fallback())
    record_outcome(db, claimed, LOST)
    deliver_webhooks(db, failed(db))
    assert state_of(db, claimed.id) == "waiting"
    record_outcome(db, claimed, Accepted("job-1", 202))
    assert state_of(db, claimed.id) == "waiting"
    second = send_fallback(db, claimed.id, LOST)
    record_outcome(db, claimed, Accepted("job-1", 202))
    assert state_of(db, claimed.id) == "uncertain"
    record_outcome(db, second, Accepted("job-2", 202))
    assert (state_of(db, claimed.id), row(db, claimed.id)["job_id"]) == ("accepted", "job-2")
    assert [attempt["outcome"] for attempt in attempts_of(db, claimed.id)] == ["replaced", "accepted"]
    assert audit(db).clean


@pytest.mark.parametrize("late", [Uncertain("reset", "Lost", None), Refused("100", "Bad", "Correct it.", 400)])
def test_a_late_outcome_of_another_kind_leaves_the_fallback_waiting(db: Database, late: Outcome) -> None:
    claimed = post_message(db, with_fallback())
    record_outcome(db, claimed, LOST)
    deliver_webhooks(db, failed(db))
    record_outcome(db, claimed, late)
    assert state_of(db, claimed.id) == "waiting"
    assert audit(db).clean


def test_a_failure_that_is_faster_than_the_answer_waits_for_it(db: Database) -> None:
    claimed = post_message(db, with_fallback())
    assert deliver_webhooks(db, failed(db)) == Counter({"waiting": 1})
    assert state_of(db, claimed.id) == "sending"
    record_outcome(db, claimed, ACCEPTED)
    age_events(db, 2)
    process_events(db)
    assert state_of(db, claimed.id) == "waiting"
    assert audit(db).clean
