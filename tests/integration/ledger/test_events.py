"""Events: each finds its message, which only climbs; what is nobody's stays an orphan; nothing is folded twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations, product
from typing import Any

import pytest
from sqlalchemy import select

from harkara.inbound.values import digest
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.events.process import RETRY_SECONDS, process
from harkara.ledger.halts import active_halts
from harkara.ledger.messages.queries import get_status
from harkara.ledger.tables import contact
from harkara.messages import Template, Text
from harkara.messages.envelope import Envelope
from harkara.outcomes import Accepted, Uncertain
from tests.integration.ledger.hooks import (
    CONTEXT,
    age_events,
    deliver_webhooks,
    inbound_webhook,
    post_message,
    process_events,
    send_message,
    state_of,
    status_webhook,
    store_webhooks,
    stored_events,
)
from tests.integration.ledger.steps import (
    LOST,
    accept_messages,
    attempts_of,
    marketing,
    otp,
    record_outcome,
    reply,
    row,
    trace_of,
)

STATUSES = ("sent", "delivered", "read", "failed")
HIGHEST = {"sent": 1, "failed": 2, "delivered": 3, "read": 4}


def test_the_events_of_a_message_raise_it_one_after_the_other(db: Database) -> None:
    identity = send_message(db, reply())
    for step in ("sent", "delivered", "read"):
        assert deliver_webhooks(db, status_webhook(db, step)) == Counter(folded=1)
        assert state_of(db, identity) == step
    assert row(db, identity)["whatsapp_id"] == digest("wamid.1")
    assert trace_of(db, identity) == ["sent", "delivered", "read"]
    assert audit(db).clean


def test_the_trace_shows_what_webhooks_said_and_how_the_message_was_known(db: Database) -> None:
    identity = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "sent"))
    deliver_webhooks(db, status_webhook(db, "read"))
    told = [(line["event"], line["detail"].split()[0]) for line in get_status(db, identity)["trace"][-2:]]
    assert told == [("sent", "by-content"), ("read", "by-id")]


def test_each_step_leaves_its_line_also_when_all_come_at_once(db: Database) -> None:
    identity = send_message(db, reply())
    deliver_webhooks(db, *(status_webhook(db, step) for step in ("sent", "delivered", "read")))
    assert trace_of(db, identity) == ["sent", "delivered", "read"]


@pytest.mark.parametrize("order", list(permutations(STATUSES)))
def test_every_order_with_repeats_and_in_parallel_ends_in_one_state(db: Database, order: Sequence[str]) -> None:
    """Three messages get their events in this order: one all at once, one by one, and one by many threads."""
    ids = [send_message(db, reply(n)) for n in range(3)]
    hooks = {n: [status_webhook(db, step, f"wamid.{n}", n) for step in order] for n in range(3)}
    assert store_webhooks(db, *hooks[0], *hooks[0]) == 4
    for raw in hooks[1]:
        store_webhooks(db, raw)
        process(db, CONTEXT)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda raw: (store_webhooks(db, raw), process(db, CONTEXT, limit=2)), hooks[2] * 2))
    until_folded(db)
    assert [state_of(db, identity) for identity in ids] == ["read"] * 3
    assert {one["state"] for one in stored_events(db)} == {"folded"}
    assert audit(db).clean


def until_folded(db: Database) -> None:
    """What came before its sender's first event waits a moment for it."""
    for _ in RETRY_SECONDS:
        process_events(db)
        age_events(db, 60)


@pytest.mark.parametrize("told", [pair for n in (1, 2, 3) for pair in permutations(STATUSES, n)])
def test_the_highest_rung_wins_whichever_events_come(db: Database, told: Sequence[str]) -> None:
    identity = send_message(db, reply(), Accepted("job-of-chatmitra", 202))
    for step in told:
        deliver_webhooks(db, status_webhook(db, step, jobId="job-of-chatmitra"))
    assert state_of(db, identity) == max(told, key=HIGHEST.__getitem__)
    assert audit(db).clean


def test_many_threads_fold_many_messages_once(db: Database) -> None:
    ids = [send_message(db, reply(n)) for n in range(12)]
    hooks = [status_webhook(db, step, f"wamid.{n}", n) for n, step in product(range(12), ("sent", "delivered"))]
    store_webhooks(db, *hooks)
    with ThreadPoolExecutor(6) as threads:
        done = sum(threads.map(lambda _: process(db, CONTEXT, limit=7), range(24)), Counter[str]())
    until_folded(db)
    assert done["folded"] <= 24
    assert {state_of(db, identity) for identity in ids} == {"delivered"}
    assert {tuple(trace_of(db, identity)) for identity in ids} <= {("sent", "delivered"), ("delivered",)}


def test_an_event_that_comes_twice_is_one(db: Database) -> None:
    send_message(db, reply())
    again = status_webhook(db, "sent")
    assert (store_webhooks(db, again), store_webhooks(db, again), store_webhooks(db, again, lane="north")) == (1, 0, 1)


def test_a_webhook_before_our_own_record_is_joined_later(db: Database) -> None:
    """It names the job, and nothing else that could be known."""
    claimed = post_message(db, otp())
    assert deliver_webhooks(db, status_webhook(db, "sent", jobId="job-9", to=None, message=None)) == Counter(waiting=1)
    record_outcome(db, claimed, Accepted("job-9", 202))
    age_events(db, 2)
    assert process_events(db) == Counter(folded=1)
    assert state_of(db, claimed.id) == "sent"


def test_what_finds_no_message_for_two_minutes_is_an_orphan_and_keeps_its_form_alone(db: Database) -> None:
    send_message(db, reply())
    store_webhooks(db, status_webhook(db, "sent", message={"type": "text", "text": "Typed by hand 482913"}))
    for _ in RETRY_SECONDS:
        assert process_events(db) == Counter(waiting=1)
        age_events(db, 30)
    assert process_events(db) == Counter(orphan=1)
    (orphan,) = stored_events(db)
    assert (orphan["state"], orphan["message_id"]) == ("orphan", None)
    assert "482913" not in orphan["body"]
    assert '"text":"str"' in orphan["body"]
    assert 60 <= sum(RETRY_SECONDS) <= 180


@pytest.mark.parametrize(
    "fields",
    [
        {"message": {"type": "text", "text": "Your table is ready!"}},
        {"to": "919876599999"},
        {"message": {"type": "text", "text": None}},
        {"message_id": None, "to": None, "jobId": "job-of-somebody"},
    ],
    ids=["other words", "another person", "no words", "another job"],
)
def test_what_was_typed_in_the_dashboard_never_moves_a_message_of_ours(db: Database, fields: dict[str, Any]) -> None:
    identity = send_message(db, reply())
    assert deliver_webhooks(db, status_webhook(db, "failed", **fields)) == Counter(waiting=1)
    assert state_of(db, identity) == "accepted"


def test_the_same_words_typed_in_the_dashboard_after_ours_were_told_are_not_ours(db: Database) -> None:
    identity = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "sent", "wamid.ours"))
    assert deliver_webhooks(db, status_webhook(db, "failed", "wamid.typed")) == Counter(waiting=1)
    assert state_of(db, identity) == "sent"


def test_a_lane_hears_of_its_own_messages_alone(db: Database) -> None:
    identity = send_message(db, reply())
    assert deliver_webhooks(db, status_webhook(db, "sent"), lane="north") == Counter(waiting=1)
    assert state_of(db, identity) == "accepted"


def test_two_with_the_same_words_to_one_person_are_told_apart_by_their_first_event(db: Database) -> None:
    first, second = send_message(db, reply(reference="a")), send_message(db, reply(reference="b"))
    deliver_webhooks(
        db,
        status_webhook(db, "sent", "wamid.1"),
        status_webhook(db, "sent", "wamid.2"),
        status_webhook(db, "read", "wamid.2"),
    )
    assert [state_of(db, first), state_of(db, second)] == ["sent", "read"]


def test_a_template_is_known_when_the_event_shows_all_of_it(db: Database) -> None:
    envelope = marketing()
    identity = send_message(db, envelope)
    whole = envelope.body()["messages"][0]["template"]
    deliver_webhooks(db, status_webhook(db, "delivered", message={"type": "template", "template": whole}))
    assert state_of(db, identity) == "delivered"


def test_several_messages_in_one_post_are_known_by_their_job(db: Database) -> None:
    several = Envelope(to="+919876500000", messages=[Text("One"), Text("Two")])
    identity = send_message(db, several, Accepted("job-7", 202))
    assert attempts_of(db, identity)[0]["echo"] is None
    deliver_webhooks(
        db, status_webhook(db, "sent", "wamid.1", jobId="job-7"), status_webhook(db, "read", "wamid.2", jobId="job-7")
    )
    assert state_of(db, identity) == "read"


def test_a_code_is_blanked_wherever_it_stood_when_its_event_is_folded(db: Database) -> None:
    envelope = otp()
    claimed = post_message(db, envelope)
    deliver_webhooks(
        db,
        status_webhook(
            db, "sent", message={"type": "template", "template": envelope.body()["messages"][0]["template"]}
        ),
    )
    kept = row(db, claimed.id)
    assert (kept["state"], kept["body"], kept["digest"]) == ("sent", None, None)
    assert "493817" not in str(stored_events(db))


def test_a_failure_is_final_and_says_what_to_do(db: Database) -> None:
    identity = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "failed", error={"code": 131053, "message": "Media upload error"}))
    kept = row(db, identity)
    assert (kept["state"], kept["code"]) == ("failed", "131053")
    assert "open its link" in kept["reason"]
    assert kept["reason"].endswith("WhatsApp said: Media upload error")
    assert audit(db).clean


def test_a_failure_without_a_reason_says_so(db: Database) -> None:
    identity = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "failed"))
    assert (row(db, identity)["code"], "no reason" in row(db, identity)["reason"]) == (
        "undelivered",
        True,
    )


@pytest.mark.parametrize(("wrote", "expected"), [(False, "window-closed"), (True, "131026")])
def test_an_undeliverable_raw_message_is_judged_by_the_window(db: Database, wrote: bool, expected: str) -> None:
    if wrote:
        deliver_webhooks(db, inbound_webhook())
    identity = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "failed", error={"code": 131026, "message": "Message undeliverable"}))
    assert row(db, identity)["code"] == expected


def test_a_template_that_is_undeliverable_needs_no_window(db: Database) -> None:
    envelope = marketing()
    identity = send_message(db, envelope)
    whole = envelope.body()["messages"][0]["template"]
    deliver_webhooks(
        db, status_webhook(db, "failed", message={"type": "template", "template": whole}, error={"code": 131026})
    )
    assert row(db, identity)["code"] == "131026"


def test_a_code_that_is_about_the_lane_parks_it_and_one_about_the_template_pauses_that(db: Database) -> None:
    sale = marketing(1)
    send_message(db, reply())
    send_message(db, sale)
    whole = sale.body()["messages"][0]["template"]
    deliver_webhooks(
        db,
        status_webhook(db, "failed", error={"code": 131042}),
        status_webhook(
            db, "failed", "wamid.2", 1, message={"type": "template", "template": whole}, error={"code": 132015}
        ),
    )
    with db.read() as tx:
        assert {(h.scope, h.subject, h.code) for h in active_halts(tx)} == {
            ("lane", "", "131042"),
            ("template", "spring_sale", "132015"),
        }


def test_a_failure_of_an_hour_ago_holds_back_nobody_now(db: Database) -> None:
    identity = send_message(db, reply(), Accepted("job-1", 202))
    with db.read() as tx:
        hour_ago = tx.now.timestamp() - 3600
    deliver_webhooks(db, status_webhook(db, "failed", jobId="job-1", timestamp=hour_ago, error={"code": 131042}))
    assert state_of(db, identity) == "failed"
    with db.read() as tx:
        assert active_halts(tx) == []


def test_a_reason_that_no_database_would_take_costs_nobody_the_failure(db: Database) -> None:
    identity = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "failed", error={"code": 131053, "message": "Media\0 upload \ud83d error"}))
    kept = row(db, identity)
    assert (kept["state"], kept["code"]) == ("failed", "131053")
    assert kept["reason"].endswith("WhatsApp said: Media upload ? error")


def test_what_failed_here_and_arrived_there_has_arrived(db: Database) -> None:
    identity = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "failed", error={"code": 131000}))
    deliver_webhooks(db, status_webhook(db, "delivered"))
    kept = row(db, identity)
    assert (kept["state"], kept["code"], kept["reason"]) == ("delivered", None, None)
    assert audit(db).clean


def test_what_a_customer_writes_opens_the_window_once_and_never_moves_a_message(db: Database) -> None:
    identity = send_message(db, reply())
    assert deliver_webhooks(
        db, inbound_webhook("Your table is ready"), inbound_webhook("Your table is ready")
    ) == Counter(folded=1)
    with db.read() as tx:
        (known,) = tx.rows(select(contact))
    assert (known["lane"], known["recipient"]) == ("default", "919876500000")
    assert known["wrote_at"] is not None
    assert state_of(db, identity) == "accepted"


def test_what_a_customer_writes_does_not_wait_behind_all_the_statuses_of_an_outage(db: Database) -> None:
    (identity,) = accept_messages(db, reply())
    store_webhooks(db, *(status_webhook(db, "sent", f"wamid.{n}", n) for n in range(1, 9)))
    store_webhooks(db, inbound_webhook("STOP"))
    assert process(db, CONTEXT, limit=4) == Counter(waiting=4, folded=1)
    assert state_of(db, identity) == "cancelled"
    process_events(db)


def test_an_event_that_nobody_knows_is_kept_whole_and_not_folded(db: Database) -> None:
    store_webhooks(db, b'{"event":"account.alert","x":1}', b"\xff\x00 no json")
    assert process_events(db) == Counter()
    assert [(one["about"], one["state"]) for one in stored_events(db)] == [
        ("account.alert", "unknown"),
        ("unreadable", "unknown"),
    ]


def test_an_event_that_breaks_the_folding_stops_no_other(db: Database) -> None:
    identity = send_message(db, reply())
    broken = replace(CONTEXT, playbook=None)  # type: ignore[arg-type]  # that is the fault
    store_webhooks(
        db,
        status_webhook(db, "failed", error={"code": 131053}),
        status_webhook(db, "sent", "wamid.2", jobId="job-of-chatmitra"),
    )
    done = process(db, broken)
    assert (done["waiting"], done["folded"]) == (1, 1)
    assert state_of(db, identity) == "sent"


def test_an_event_settles_what_was_uncertain(db: Database) -> None:
    identity = send_message(db, reply(), Uncertain("reset", "Connection lost", None))
    deliver_webhooks(db, status_webhook(db, "sent"))
    assert (state_of(db, identity), row(db, identity)["code"]) == ("sent", None)
    assert audit(db).clean


def test_a_lost_post_of_a_template_is_only_known_when_it_is_shown(db: Database) -> None:
    message = Template("payment_reminder", body=["Asha"], category="utility")
    identity = send_message(db, Envelope(to="+919876500000", messages=[message]), LOST)
    less = {"type": "template", "template": {"name": "payment_reminder"}}
    assert deliver_webhooks(db, status_webhook(db, "sent", message=less)) == Counter(waiting=1)
    assert state_of(db, identity) == "uncertain"
