"""One entry that cannot be applied costs the others nothing: it becomes a dead letter that can be retried."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import redis
from sqlalchemy import update
from structlog.testing import capture_logs

from harkara.backends.broker import Broker
from harkara.chatmitra.webhooks import parse
from harkara.errors import Unavailable
from harkara.intake.commit import Committer
from harkara.intake.consumer import IntakeConsumer
from harkara.intake.producer import STREAM
from harkara.intake.retry import LetterRetry
from harkara.intake.stream import WEBHOOKS, Intake
from harkara.ledger.audit import audit
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.callbacks.outbox import claim
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import (
    LONGEST_CONTENT,
    DeadLetter,
    add_dead_letters,
    count_dead_letters,
    get_dead_letters,
    list_dead_letters,
)
from harkara.ledger.events.process import RETRY_SECONDS
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.ledger.messages.record_spilled import record_spilled
from harkara.ledger.messages.search import list_messages
from harkara.ledger.occasions.commands import rederive
from harkara.ledger.tables import callback, dead_letter, occasion
from harkara.occasions import Closing
from harkara.outcomes import Refused
from harkara.shared_defaults import DEADLINES
from harness.ports import free_port
from tests.integration.ledger.occasions import PLAN, occasion_rows, reminder_rows, save, visit
from tests.integration.ledger.outbox import callback_rows
from tests.integration.ledger.poison import poisoned
from tests.integration.ledger.steps import (
    ACCEPTED,
    DAY,
    accept_messages,
    begin_posts,
    claim_messages,
    otp,
    reply,
    row,
    run_sweep,
    send_message,
)
from tests.integration.ledger.webhooks import (
    age_events,
    inbound_webhook,
    process_events,
    status_webhook,
    store_webhooks,
)
from tests.integration.webhooks.parts import RecordingReceiver, processor


@pytest.fixture(autouse=True)
def _audited(db: Database) -> Iterator[None]:
    """Audit the ledger after each test."""
    yield
    assert audit(db).findings == []


def test_a_message_that_fails_at_the_commit_stops_no_other(redis_client: redis.Redis, db: Database) -> None:
    envelopes = [reply(n, reference="poison" if n == 3 else f"r{n}") for n in range(6)]
    Intake(redis_client).append("send", [each.to_json() for each in envelopes])
    with poisoned(db, "INSERT", "message", "reference = 'poison'"), capture_logs() as lines:
        assert drain(redis_client, db) == 5
    assert {one["id"] for one in list_messages(db)} == {each.id for each in envelopes} - {envelopes[3].id}
    assert redis_client.xlen(STREAM) == 0
    (letter,) = get_dead_letters(db)
    assert (letter.source, letter.kind, letter.error, letter.content) == (
        "intake",
        "send",
        "LedgerError",
        envelopes[3].to_json(),
    )
    assert "9876500003" not in f"{lines} {letter}"
    assert retry(db) == {letter.id: None}
    assert row(db, envelopes[3].id)["state"] == "queued"
    assert count_dead_letters(db) == {}


def test_a_letter_that_fails_again_stays_and_counts_its_tries(redis_client: redis.Redis, db: Database) -> None:
    Intake(redis_client).append("send", [reply(reference="poison").to_json()])
    with poisoned(db, "INSERT", "message", "reference = 'poison'"):
        drain(redis_client, db)
        assert list(retry(db).values()) == ["the database refused a write: " + _refused(db)]
    assert [each.tries for each in get_dead_letters(db)] == [1]


@pytest.mark.parametrize(
    "at",
    ["0001-01-01T00:00:00+05:30", "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999+00:00", "9999-12-31T23:59:59"],
)
def test_an_occasion_without_a_real_date_stops_no_other(redis_client: redis.Redis, db: Database, at: str) -> None:
    placeholder = json.dumps(json.loads(visit("no date").to_json()) | {"at": at})
    Intake(redis_client).append("save-occasion", [visit("a").to_json(), placeholder, visit("b").to_json()])
    assert drain(redis_client, db) == 2
    assert [each["reference"] for each in occasion_rows(db)] == ["a", "b"]
    (letter,) = get_dead_letters(db)
    assert letter.reason.startswith("at: must lie in the years 2000 to 2199 (this is in the year ")


def test_an_occasion_that_the_ledger_refuses_stops_no_other(redis_client: redis.Redis, db: Database) -> None:
    Intake(redis_client).append("save-occasion", [visit(name).to_json() for name in ("a", "poison", "b")])
    with poisoned(db, "UPDATE", "occasion", "reference = 'poison'"):
        assert drain(redis_client, db) == 2
    assert [each["reference"] for each in occasion_rows(db)] == ["a", "b"]


def test_a_retried_occasion_undoes_nothing_that_was_said_since(redis_client: redis.Redis, db: Database) -> None:
    Intake(redis_client).append("save-occasion", [visit("poison").to_json()])
    with poisoned(db, "UPDATE", "occasion", "reference = 'poison'"):
        drain(redis_client, db)
    Intake(redis_client).append("save-occasion", [visit("poison", parameters=OTHER).to_json()])
    drain(redis_client, db)
    assert list(retry(db).values()) == [None]
    assert json.loads(occasion_rows(db)[0]["parameters"]) == OTHER


def test_an_entry_of_a_newer_release_is_kept(redis_client: redis.Redis, db: Database) -> None:
    redis_client.xadd(STREAM, {"verb": "send-tomorrow", "data": "x"})
    assert drain(redis_client, db) == 0
    assert [(each.kind, each.content) for each in get_dead_letters(db)] == [("send-tomorrow", "x")]
    assert list(retry(db).values()) == ["verb: is not known to this release; do all processes run one version?"]


def test_the_content_of_a_one_time_code_is_not_kept(redis_client: redis.Redis, db: Database) -> None:
    Intake(redis_client).append("send", [otp(reference="poison").to_json()])
    with poisoned(db, "INSERT", "message", "reference = 'poison'"):
        drain(redis_client, db)
    (letter,) = get_dead_letters(db)
    assert letter.content is None
    assert list(retry(db).values()) == ["its content is erased, or was never stored: delete the letter"]


def test_a_webhook_that_the_ledger_refuses_stops_no_other_and_is_kept(redis_client: redis.Redis, db: Database) -> None:
    receiver = RecordingReceiver(db, redis_client)
    with poisoned(db, "INSERT", "event", "about = 'received'"):
        assert receiver.receive(inbound_webhook())
        assert receiver.outcomes == [("default", "spilled")]
        receiver_of_status = RecordingReceiver(db, redis_client)
        assert receiver_of_status.receive(status_webhook(db, "sent"))
        assert processor(db, redis_client).collect() == 0
    assert redis_client.xlen(WEBHOOKS) == 0
    assert count_dead_letters(db) == {"webhooks": 1}
    assert list(retry(db).values()) == [None]
    assert processor(db, redis_client).process().total() == 2


def test_an_event_that_cannot_be_applied_becomes_a_dead_letter(db: Database) -> None:
    send_message(db, reply())
    with poisoned(db, "UPDATE", "message", "state = 'sent'"):
        store_webhooks(db, status_webhook(db, "sent", jobId=ACCEPTED.job_id))
        for _ in range(len(RETRY_SECONDS) + 1):
            process_events(db)
            age_events(db, 60)
    (letter,) = list_dead_letters(db, 10)
    assert (letter.source, letter.kind) == ("events", "sent")
    assert list(retry(db).values()) == [None]
    process_events(db)
    assert [one["state"] for one in list_messages(db)] == ["sent"]


def test_an_outcome_that_cannot_be_recorded_becomes_a_dead_letter_and_others_are_recorded(db: Database) -> None:
    ids = accept_messages(db, *(reply(n) for n in range(4)))
    claims = claim_messages(db, *ids)
    begin_posts(db, *claims)
    spilled: list[ClaimResult] = []
    refused = Refused("131026", "", "Ask.", 400)
    outcomes = [refused if claimed.id == ids[1] else ACCEPTED for claimed in claims]
    commit = GroupCommit(db, spilled.append, retry_seconds=0.5)
    with poisoned(db, "UPDATE", "message", "state = 'failed'"), ThreadPoolExecutor(4) as threads:
        started = time.monotonic()
        results = [ClaimResult.of(c, o, posted=True) for c, o in zip(claims, outcomes, strict=True)]
        list(threads.map(commit.record, results))
        assert time.monotonic() - started < 30
        commit.close()
        assert [result.id for result in spilled] == [ids[1]]
        for _ in range(2):
            record_spilled(db, ClaimResult.from_dict(spilled[0].to_dict()))
    assert [row(db, identity)["state"] for identity in ids] == ["accepted", "sending", "accepted", "accepted"]
    assert count_dead_letters(db) == {"outcome": 1}
    assert list(retry(db).values()) == [None]
    assert row(db, ids[1])["state"] == "failed"


def test_an_occasion_that_cannot_be_derived_stops_no_other(db: Database) -> None:
    save(db, visit("a"), visit("broken"), visit("b"))
    with db.write() as tx:
        broken = occasion.c.reference == "broken"
        tx.execute(update(occasion).values(rules="old"))
        tx.execute(update(occasion).where(broken).values(parameters="no JSON"))
    assert rederive(db, PLAN, DEADLINES) == 2
    assert rederive(db, PLAN, DEADLINES) == 0
    assert {each["revision"] for each in occasion_rows(db) if each["reference"] != "broken"} == {2}
    assert len(reminder_rows(db, state="waiting")) == 6
    (letter,) = get_dead_letters(db)
    assert (letter.source, letter.error) == ("reminders", "JSONDecodeError")
    with db.write() as tx:
        tx.execute(update(occasion).where(broken).values(parameters=json.dumps(dict(visit().parameters))))
    assert list(retry(db).values()) == [None]
    assert rederive(db, PLAN, DEADLINES) == 1


def test_a_callback_that_cannot_be_read_is_dead_and_stops_no_other(db: Database) -> None:
    enabled = Database(db.url.render_as_string(hide_password=False), callbacks_enabled=True)
    for number in range(3):
        with enabled.write() as tx:
            notify(tx, "message.received", "default", f"evt_{number}", {"text": "On my way"})
    with db.write() as tx:
        tx.execute(update(callback).where(callback.c.subject == "evt_1").values(data="no JSON"))
    assert len(claim(enabled, 10, 60)) == 2
    dead = callback_rows(db, "evt_1")[0]
    assert (dead["state"], dead["reason"]) == ("dead", "Its stored data cannot be read (JSONDecodeError).")
    enabled.close()


def test_the_retention_erases_contents_and_a_long_content_is_not_kept(db: Database) -> None:
    error = ValueError("quotes 919876500001")
    long = "x" * (LONGEST_CONTENT + 1)
    letters = [
        DeadLetter.of("intake", "1-1", "send", error, "a\0b\ud83d"),
        DeadLetter.of("intake", "1-2", "send", error, long),
    ]
    add_dead_letters(db, letters)
    assert [each.content for each in get_dead_letters(db)] == ["a\ufffdb?", None]
    assert "919876500001" not in str(get_dead_letters(db))
    assert run_sweep(db, retention=DAY)["letters"] == 0
    age_letters(db, 1.5 * DAY)
    assert run_sweep(db, retention=DAY)["letters"] == 1
    assert [each.content for each in get_dead_letters(db)] == [None, None]


def test_letters_are_deleted_a_retention_after_their_contents(db: Database) -> None:
    contents = [DeadLetter.of("intake", f"1-{n}", "send", ValueError(), "content") for n in range(2)]
    add_dead_letters(db, [*contents, DeadLetter.of("reminders", "occ_1", "appointment", ValueError())])
    age_letters(db, 2.5 * DAY)
    assert run_sweep(db, retention=None)["letters"] == 0
    assert run_sweep(db, retention=DAY)["letters"] == 2
    assert run_sweep(db, retention=DAY)["deleted-letters"] == 2
    assert [each.source for each in get_dead_letters(db)] == ["reminders"], "its occasion still waits for a decision"


def test_the_audit_reports_dead_letters_and_stays_clean(db: Database) -> None:
    add_dead_letters(db, [DeadLetter.of("intake", "1-1", "send", ValueError())])
    report = audit(db)
    assert (report.clean, report.dead_letters) == (True, {"intake": 1})


def test_a_retried_occasion_undoes_no_cancellation(redis_client: redis.Redis, db: Database) -> None:
    """The ledger refuses the occasion, so its cancellation finds none."""
    Intake(redis_client).append("save-occasion", [visit(name).to_json() for name in ("poison", "other poison")])
    with poisoned(db, "INSERT", "occasion", "reference LIKE '%poison'"):
        drain(redis_client, db)
    cancel(redis_client, db, "poison")
    refused, applied = retry(db).values()
    assert (refused, applied) == (CLOSED, None)
    assert [each["reference"] for each in occasion_rows(db)] == ["other poison"]


def test_a_retried_occasion_that_was_saved_after_its_cancellation_applies(
    redis_client: redis.Redis, db: Database
) -> None:
    cancel(redis_client, db, "poison")
    Intake(redis_client).append("save-occasion", [visit("poison").to_json()])
    with poisoned(db, "INSERT", "occasion", "reference = 'poison'"):
        drain(redis_client, db)
    assert list(retry(db).values()) == [None]
    assert [each["reference"] for each in occasion_rows(db)] == ["poison"]


def test_a_retried_call_of_the_occasion_task_undoes_no_cancellation(redis_client: redis.Redis, db: Database) -> None:
    """The broker of the retry does not answer: a call that is repeated raises Unavailable."""
    cancel(redis_client, db, "later")
    calls = [["save", "appointment", "poison"], ["save", "appointment", "later"], ["cancel", "appointment", "poison"]]
    contents = [json.dumps({"task": "harkara.occasion", "args": args, "kwargs": {}}) for args in calls]
    letters = [DeadLetter.of("task", str(n), "harkara.occasion", ValueError(), each) for n, each in enumerate(contents)]
    add_dead_letters(db, letters)
    cancel(redis_client, db, "poison")
    save_poison, save_later, cancel_poison = get_dead_letters(db)
    assert retry(db, save_poison.id) == {save_poison.id: CLOSED}
    for repeated in (save_later, cancel_poison):
        with pytest.raises(Unavailable):
            retry(db, repeated.id)


def test_an_occasion_is_not_saved_by_a_retry_after_its_closing_may_be_forgotten(
    redis_client: redis.Redis, db: Database
) -> None:
    Intake(redis_client).append("save-occasion", [visit("poison").to_json()])
    with poisoned(db, "INSERT", "occasion", "reference = 'poison'"):
        drain(redis_client, db)
    age_letters(db, 31 * DAY)
    (problem,) = retry(db).values()
    assert (problem or "").startswith("the save is older than 30 days")
    assert occasion_rows(db) == []


CLOSED = "the application closed this occasion after it had saved it: delete the letter"

OTHER = {**visit().parameters, "place": "Room 5"}


def drain(client: redis.Redis, db: Database) -> int:
    return IntakeConsumer(
        Intake(client, "reader"), db, lambda _: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10
    ).drain()


def cancel(client: redis.Redis, db: Database, reference: str) -> None:
    """Hand over the cancellation of an occasion that the ledger does not know."""
    closing = Closing(kind="appointment", reference=reference, status="cancelled")
    Intake(client).append("cancel-occasion", [closing.to_json()])
    drain(client, db)


def age_letters(db: Database, seconds: float) -> None:
    with db.write() as tx:
        tx.execute(update(dead_letter).values(created_at=tx.now - timedelta(seconds=seconds)))


def retry(db: Database, *ids: int) -> dict[int, str | None]:
    """Retry these dead letters, or all, without Redis; return what became of each."""
    committer = Committer(db, lambda _: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10, rejected=lambda: None)
    broker = Broker.at(f"redis://127.0.0.1:{free_port()}/0")
    results = {letter.id: problem for letter, problem in LetterRetry(db, committer, parse, broker).retry(ids or None)}
    broker.close()
    return results


def _refused(db: Database) -> str:
    return "SQLITE_CONSTRAINT_FOREIGNKEY" if db.sqlite else "RaiseException (P0001)"
