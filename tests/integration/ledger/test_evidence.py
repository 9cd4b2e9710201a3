"""Evidence: a second try waits until webhooks show that the first did not arrive; silence alone shows nothing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.event import listen

from harkara.ledger.audit import audit
from harkara.ledger.contacts.queries import list_contacts
from harkara.ledger.database import Database
from harkara.ledger.events.silence import webhook_silences
from harkara.ledger.sweep import Crashed, sweep
from harkara.ledger.tables import message
from harkara.messages import Envelope, Template
from harkara.outcomes import Accepted, Uncertain
from tests.integration.ledger.hooks import (
    CONTEXT,
    LANE,
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
from tests.integration.ledger.steps import DAY, age_messages, record_outcome, reply, row, run_sweep
from tests.integration.ledger.steps import send_message as send_unheard

DOUBT = Uncertain("read-timeout", "No answer came.", 600.0, on_evidence=True)


def note(n: int = 0, **options: Any) -> Envelope:
    """A utility template to the person number `n`."""
    template = Template("payment_reminder", body=[f"no. {n}"], category="utility")
    return Envelope(to=f"+9198765{n:05d}", messages=[template], **options)


def told(db: Database, n: int, status: str = "sent", **fields: Any) -> bytes:
    """A webhook that shows all of it."""
    shown = {"type": "template", "template": note(n).body()["messages"][0]["template"]}
    return status_webhook(db, status, f"wamid.{n}", n, message=shown, **fields)


def in_doubt(db: Database) -> str:
    """No answer came to its POST, and the hour of its second try has come."""
    identity = send_message(db, note(0), DOUBT)
    its_hour_comes(db, identity)
    return identity


def its_hour_comes(db: Database, identity: str) -> None:
    with db.write() as tx:
        tx.execute(update(message).where(message.c.id == identity).values(resend_at=tx.now))


def test_it_goes_once_more_when_webhooks_tell_of_later_ones_and_none_of_it(db: Database) -> None:
    identity = in_doubt(db)
    send_message(db, note(1))
    deliver_webhooks(db, told(db, 1))
    run_sweep(db)
    kept = row(db, identity)
    assert (kept["state"], kept["resends"], kept["maybe_duplicate"]) == ("waiting", 1, True)
    assert audit(db).clean


def test_before_its_hour_nothing_is_decided(db: Database) -> None:
    identity = send_message(db, note(0), DOUBT)
    send_message(db, note(1))
    deliver_webhooks(db, told(db, 1))
    assert not run_sweep(db)
    assert row(db, identity)["resend_at"] is not None


def given_up(db: Database, identity: str) -> bool:
    run_sweep(db)
    kept = row(db, identity)
    assert kept["state"] == "uncertain"
    return kept["resend_at"] is None and kept["code"] == "no-evidence" and "harkara resolve" in kept["reason"]


def test_without_any_webhook_it_is_left_to_people_and_the_trace_says_so(db: Database) -> None:
    identity = in_doubt(db)
    assert given_up(db, identity)
    assert not run_sweep(db), "it is said once"


def test_webhooks_about_other_kinds_show_nothing(db: Database) -> None:
    """Chat Mitra might show texts and not templates."""
    identity = in_doubt(db)
    send_message(db, reply(1))
    deliver_webhooks(db, status_webhook(db, "sent", "wamid.1", 1))
    assert given_up(db, identity)


def test_webhooks_that_name_a_job_show_nothing_since_a_lost_answer_has_none(db: Database) -> None:
    identity = in_doubt(db)
    send_message(db, note(1), Accepted("job-1", 202))
    deliver_webhooks(db, status_webhook(db, "sent", "wamid.1", 1, jobId="job-1", message=None))
    assert given_up(db, identity)


def test_what_customers_write_shows_nothing_of_the_way_out(db: Database) -> None:
    identity = in_doubt(db)
    deliver_webhooks(db, b'{"event":"message.received","from":"919876500001","message":"Hello"}')
    assert given_up(db, identity)


def test_webhooks_of_another_lane_or_of_earlier_messages_show_nothing(db: Database) -> None:
    send_message(db, note(1))
    identity = in_doubt(db)
    send_message(db, note(2, lane="north"))
    deliver_webhooks(db, told(db, 1))
    deliver_webhooks(db, told(db, 2), lane="north")
    assert given_up(db, identity)


def test_webhooks_that_ceased_show_nothing(db: Database) -> None:
    identity = in_doubt(db)
    send_message(db, note(1))
    deliver_webhooks(db, told(db, 1))
    age_events(db, 400)
    assert given_up(db, identity)


def test_webhooks_that_tell_of_much_later_messages_alone_may_have_been_away_meanwhile(db: Database) -> None:
    """The web door was down for ten minutes: Chat Mitra may still be about to repeat what it had to say."""
    identity = send_message(db, note(0), DOUBT)
    age_messages(db, 601)
    send_message(db, note(1))
    deliver_webhooks(db, told(db, 1))
    assert given_up(db, identity)


def test_an_event_that_came_in_time_is_read_before_anything_is_decided(db: Database) -> None:
    identity = send_message(db, note(0), DOUBT)
    send_message(db, note(1))
    deliver_webhooks(db, told(db, 1))
    store_webhooks(db, told(db, 0, "delivered"))
    its_hour_comes(db, identity)
    run_sweep(db)
    assert state_of(db, identity) == "uncertain"
    process_events(db)
    run_sweep(db)
    assert state_of(db, identity) == "delivered"


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_what_is_not_read_yet_is_looked_for_among_what_is_new_and_not_among_all_events_of_the_lane(
    db: Database,
) -> None:
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "event.tries" in statement and statement.startswith("SELECT"):
            plan = connection.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(step[3] for step in plan)

    in_doubt(db)
    listen(db.engine, "before_cursor_execute", explain)
    run_sweep(db)
    assert plans == ["SCAN event USING INDEX ix_event_due"]


def test_a_crash_leaves_the_same_wish_for_evidence(db: Database) -> None:
    claimed = post_message(db, note(0))
    age_messages(db, 31)
    clean_up_with_webhooks(db)
    kept = row(db, claimed.id)
    assert (kept["state"], kept["on_evidence"]) == ("uncertain", True)
    age_messages(db, 601)
    assert given_up(db, claimed.id)


def clean_up_with_webhooks(db: Database) -> None:
    def policy(crashed: Crashed) -> Uncertain:
        return CONTEXT.playbook.after_crash(crashed, evidence=CONTEXT.lanes[crashed.lane].webhooks_enabled)

    sweep(db, policy, retention_seconds=None)


def test_what_needs_no_evidence_goes_without(db: Database) -> None:
    identity = send_message(db, reply(), Uncertain("502", "Bad gateway", 60.0, 502))
    age_messages(db, 61)
    run_sweep(db)
    assert state_of(db, identity) == "waiting"


def test_a_lane_whose_messages_no_webhook_follows_is_silent_since_the_first_of_them(db: Database) -> None:
    assert webhook_silences(db, CONTEXT.lanes) == {"default": 0.0, "north": 0.0}
    send_message(db, reply(1))
    send_message(db, reply(2))
    age_messages(db, 1000)
    assert webhook_silences(db, CONTEXT.lanes)["default"] == pytest.approx(1000, abs=5)
    deliver_webhooks(db, status_webhook(db, "sent", n=1))
    assert webhook_silences(db, CONTEXT.lanes)["default"] == 0.0
    age_events(db, 500)
    send_message(db, reply(3))
    assert webhook_silences(db, CONTEXT.lanes)["default"] == pytest.approx(0, abs=5)


def test_a_lane_that_hears_nothing_by_its_settings_or_sent_nothing_lately_is_not_silent(db: Database) -> None:
    send_unheard(db, reply(1))
    send_message(db, reply(2), Uncertain("reset", "The connection broke.", None))
    age_messages(db, 1000)
    assert webhook_silences(db, {"default": LANE}) == {"default": 0.0}
    assert webhook_silences(db, {}) == {}


def test_events_go_with_their_retention_and_repeats_are_known_for_a_day_at_least(db: Database) -> None:
    post_message(db, reply())
    first = status_webhook(db, "sent")
    deliver_webhooks(db, first)
    age_events(db, DAY - 60)
    run_sweep(db, retention=3600)
    assert store_webhooks(db, first) == 0
    age_events(db, 120)
    assert run_sweep(db, retention=2 * DAY)["events"] == 0
    assert run_sweep(db)["events"] == 0
    assert run_sweep(db, retention=3600)["events"] == 1
    assert stored_events(db) == []


def test_what_nobody_has_read_yet_is_kept_however_long_the_workers_were_away(db: Database) -> None:
    store_webhooks(db, inbound_webhook("STOP"))
    age_events(db, 3 * DAY)
    assert run_sweep(db, retention=DAY)["events"] == 0
    process_events(db)
    assert list_contacts(db, "919876500000")[0].stopped == "everything"
    assert run_sweep(db, retention=DAY)["events"] == 1


def test_a_late_record_of_what_was_left_to_people_still_counts(db: Database) -> None:
    claimed = post_message(db, note(0))
    record_outcome(db, claimed, DOUBT)
    age_messages(db, 601)
    assert given_up(db, claimed.id)
    deliver_webhooks(db, told(db, 0))
    assert state_of(db, claimed.id) == "sent"
