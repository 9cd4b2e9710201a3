"""WhatsApp fails an accepted message for its 24-hour window: its fallback is sent instead, once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import update

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.commands import resolve
from harkara.ledger.messages.queries import get_status
from harkara.ledger.tables import message
from harkara.messages import Envelope, Template
from harkara.outcomes import Accepted, Outcome, Refused, Uncertain
from tests.integration.ledger.outbox import notified_states
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    accept_messages,
    age_messages,
    attempts_of,
    begin_posts,
    claim_messages,
    marketing,
    record_outcome,
    reply,
    row,
    run_sweep,
    trace_of,
)
from tests.integration.ledger.webhooks import (
    CONTEXT,
    LANE,
    age_events,
    begin_again,
    deliver_webhooks,
    post_message,
    process_events,
    send_message,
    state_of,
    status_webhook,
    store_webhooks,
)

FALLBACK = Template("table_ready", body=["493817"])
CODES = (131047, 131026)


def with_fallback(n: int = 0, **options: Any) -> Envelope:
    return reply(n, **{"fallback": FALLBACK} | options)


def failed(db: Database, code: int = 131047, wamid: str | None = "wamid.1", n: int = 0, **fields: Any) -> bytes:
    return status_webhook(db, "failed", wamid, n, error={"code": code, "message": "Re-engagement message"}, **fields)


def send_fallback(db: Database, message_id: str, outcome: Outcome = ACCEPTED) -> Claimed:
    (claimed,) = claim_messages(db, message_id)
    assert begin_again(db, claimed)
    record_outcome(db, claimed, outcome)
    return claimed


def fallback_webhook(db: Database, status: str, claimed: Claimed, wamid: str = "wamid.2") -> bytes:
    template = json.loads(claimed.body)["messages"][0]["template"]
    return status_webhook(db, status, wamid, message={"type": "template", "template": template})


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


def resent(db: Database) -> str:
    claimed = post_message(db, with_fallback())
    record_outcome(db, claimed, Uncertain("502", "Bad gateway", 5, 502))
    age_messages(db, 6)
    run_sweep(db)
    return send_fallback(db, claimed.id).id


def seen_by_an_operator(db: Database) -> str:
    message_id = send_message(db, with_fallback(), LOST)
    resolve(db, message_id, "sent", "Asha")
    return message_id


def past_its_deadline(db: Database) -> str:
    message_id = send_message(db, with_fallback(expires=datetime.now(UTC) + timedelta(minutes=30)))
    age_messages(db, 31 * 60)
    return message_id


def erased(db: Database) -> str:
    message_id = past_its_deadline(db)
    run_sweep(db, retention=60)
    return message_id


def a_template(db: Database) -> str:
    return send_message(db, marketing())


def without_a_fallback(db: Database) -> str:
    return send_message(db, reply())


@pytest.mark.parametrize(
    "history", [resent, seen_by_an_operator, past_its_deadline, erased, a_template, without_a_fallback]
)
def test_a_message_that_may_have_arrived_or_is_too_late_fails(db: Database, history: Any) -> None:
    message_id = history(db)
    posts = len(attempts_of(db, message_id))
    with db.write() as tx:
        tx.execute(update(message).where(message.c.id == message_id).values(job_id="job-1"))
    deliver_webhooks(db, failed(db, jobId="job-1"))
    assert (state_of(db, message_id), row(db, message_id)["code"]) == ("failed", "window-closed")
    assert (row(db, message_id)["fallback"], row(db, message_id)["replaced"]) == (None, False)
    assert len(attempts_of(db, message_id)) == posts


@pytest.mark.parametrize("code", [131049, 130472, 131053, 999999])
def test_a_failure_for_another_reason_sends_no_fallback(db: Database, code: int) -> None:
    message_id = send_message(db, with_fallback())
    deliver_webhooks(db, failed(db, code))
    assert (state_of(db, message_id), row(db, message_id)["fallback"]) == ("failed", None)


def test_a_fallback_that_fails_too_is_final(db: Database) -> None:
    message_id = send_message(db, with_fallback())
    deliver_webhooks(db, failed(db))
    claimed = send_fallback(db, message_id)
    template = json.loads(claimed.body)["messages"][0]["template"]
    deliver_webhooks(db, failed(db, wamid="wamid.2", message={"type": "template", "template": template}))
    assert state_of(db, message_id) == "failed"
    assert audit(db).clean


@pytest.mark.parametrize("status", ["delivered", "read", "failed"])
def test_a_fallback_is_kept_until_it_cannot_be_needed_any_more(db: Database, status: str) -> None:
    message_id = send_message(db, with_fallback())
    assert row(db, message_id)["fallback"]
    deliver_webhooks(db, status_webhook(db, "sent"))
    assert row(db, message_id)["fallback"]
    deliver_webhooks(db, status_webhook(db, status))
    assert (state_of(db, message_id), row(db, message_id)["fallback"]) == (status, None)


def test_a_fallback_is_erased_when_the_deadline_of_its_message_has_passed(db: Database) -> None:
    late, early = (
        send_message(db, with_fallback(n, expires=datetime.now(UTC) + timedelta(minutes=30 * (n + 1))))
        for n in range(2)
    )
    age_messages(db, 31 * 60)
    assert run_sweep(db)["late-fallbacks"] == 1
    assert (row(db, late)["fallback"], bool(row(db, early)["fallback"])) == (None, True)


def test_a_lane_without_webhooks_keeps_no_fallback(db: Database) -> None:
    (message_id,) = accept_messages(db, with_fallback())
    (claimed,) = claim_messages(db, message_id)
    begin_posts(db, claimed)
    record_outcome(db, claimed, ACCEPTED)
    assert (state_of(db, message_id), row(db, message_id)["fallback"]) == ("accepted", None)


def test_a_fallback_that_is_marketing_has_the_consent_and_the_quiet_hours_of_marketing(db: Database) -> None:
    message_id = send_message(db, with_fallback(fallback=Template("spring_sale", category="marketing")))
    assert not row(db, message_id)["quiet"]
    deliver_webhooks(db, failed(db))
    assert (row(db, message_id)["category"], row(db, message_id)["quiet"]) == ("marketing", True)


def test_the_application_learns_of_the_fallback_and_of_no_failure(callback_db: Database) -> None:
    message_id = send_message(callback_db, with_fallback())
    deliver_webhooks(callback_db, status_webhook(callback_db, "sent"), failed(callback_db))
    claimed = send_fallback(callback_db, message_id)
    deliver_webhooks(callback_db, fallback_webhook(callback_db, "delivered", claimed))
    assert notified_states(callback_db, message_id) == ["accepted", "sent", "accepted", "delivered"]
