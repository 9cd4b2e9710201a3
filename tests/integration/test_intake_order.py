"""An entry that is delivered again undoes nothing that the application, or an operator, said since."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import redis
from sqlalchemy import select, update
from structlog.testing import capture_logs

from harkara.errors import NotFound
from harkara.inbound.contact import ConsentChoice
from harkara.intake.commit import Committer
from harkara.intake.consumer import IntakeConsumer
from harkara.intake.entries import IntakeEntry
from harkara.intake.occasion_verbs import verb_of
from harkara.intake.producer import GROUP, STREAM
from harkara.intake.stream import Intake
from harkara.ledger.audit import audit
from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.database import Database
from harkara.ledger.messages.commands import resolve
from harkara.ledger.tables import consent, occasion
from harkara.occasions import Closing, OccasionUpdate
from harkara.outcomes import Uncertain
from harkara.receipt import Change
from harkara.shared_defaults import DEADLINES
from harness.valkey import ValkeyServer
from tests.integration.ledger.occasions import (
    PLAN,
    closing,
    noon,
    occasion_rows,
    reminder_rows,
    rules_and_states,
    save,
    visit,
)
from tests.integration.ledger.steps import reply, row, send_message
from tests.integration.test_occasions import run

DELIVERED_AGAIN = 0.05
"""Seconds after which another reader takes an entry over."""

FIRST, SECOND = noon(3), noon(5)


@pytest.fixture(autouse=True)
def _audited(db: Database) -> Iterator[None]:
    """Audit the ledger after each test."""
    yield
    assert audit(db).findings == []


@pytest.mark.parametrize("later", [visit(at=SECOND), closing(), closing("completed")])
def test_a_repeat_after_a_death_before_the_acknowledgement_undoes_no_later_update(
    redis_client: redis.Redis, db: Database, later: OccasionUpdate
) -> None:
    append(redis_client, visit(at=FIRST))
    committer(db).commit(Intake(redis_client, "dead").read())
    append(redis_client, later)
    assert drain(redis_client, db, abandoned_seconds=60) == 1
    before = occasion_rows(db), reminder_rows(db)
    time.sleep(DELIVERED_AGAIN)
    with capture_logs() as lines:
        assert drain(redis_client, db) == 1
    assert (occasion_rows(db), reminder_rows(db)) == before
    assert [line["action"] for line in lines] == ["occasion_outdated"]


def test_a_frozen_reader_that_wakes_up_undoes_nothing(redis_client: redis.Redis, db: Database) -> None:
    append(redis_client, visit(at=FIRST))
    frozen = Intake(redis_client, "frozen").read()
    append(redis_client, closing())
    time.sleep(DELIVERED_AGAIN)
    drain(redis_client, db)
    committer(db).commit(frozen)
    assert occasion_rows(db)[0]["status"] == "cancelled"
    assert {state for _, state in rules_and_states(db)} == {"cancelled"}


@pytest.mark.parametrize("read_before", [True, False], ids=["with its group", "from before the first reader"])
def test_an_old_copy_of_the_stream_undoes_nothing(
    valkey_server: ValkeyServer, redis_client: redis.Redis, db: Database, read_before: bool
) -> None:
    if read_before:
        drain(redis_client, db)
    append(redis_client, visit(at=FIRST), visit("visit 8", at=FIRST))
    binary = redis.Redis.from_url(valkey_server.url)
    old = binary.dump(STREAM)
    append(redis_client, visit(at=SECOND))
    drain(redis_client, db)
    save(db, closing(reference="visit 8"))
    binary.restore(STREAM, 0, old, replace=True)  # type: ignore[arg-type]  # bytes, since it exists
    binary.close()
    assert drain(redis_client, db) == 2
    moved, cancelled = occasion_rows(db)
    assert (moved["at"], cancelled["status"]) == (SECOND, "cancelled")


def test_an_update_that_changed_nothing_is_remembered_as_well(redis_client: redis.Redis, db: Database) -> None:
    append(redis_client, visit(at=FIRST))
    drain(redis_client, db)
    append(redis_client, visit(at=FIRST))
    committer(db).commit(Intake(redis_client, "dead").read())
    revision = occasion_rows(db)[0]["revision"]
    save(db, closing())
    time.sleep(DELIVERED_AGAIN)
    drain(redis_client, db)
    assert (occasion_rows(db)[0]["status"], revision) == ("cancelled", 1)


def test_a_newer_version_counts_wherever_it_stands_in_the_stream(redis_client: redis.Redis, db: Database) -> None:
    append(redis_client, visit(at=SECOND, version=2))
    held = Intake(redis_client, "slow").read()
    append(redis_client, visit(at=FIRST, version=1))
    drain(redis_client, db, abandoned_seconds=60)
    committer(db).commit(held)
    assert (occasion_rows(db)[0]["at"], occasion_rows(db)[0]["version"]) == (SECOND, 2)


def test_a_cancellation_waits_for_the_save_that_another_reader_holds(redis_client: redis.Redis, db: Database) -> None:
    append(redis_client, visit())
    Intake(redis_client, "dead").read()
    append(redis_client, closing())
    assert drain(redis_client, db, abandoned_seconds=60) == 0
    assert redis_client.xlen(STREAM) == 2
    time.sleep(DELIVERED_AGAIN)
    assert drain(redis_client, db) == 2
    assert occasion_rows(db)[0]["status"] == "cancelled"
    assert redis_client.xpending(STREAM, GROUP)["pending"] == 0


def test_a_cancellation_of_an_unknown_occasion_does_not_wait_for_later_entries(
    redis_client: redis.Redis, db: Database
) -> None:
    append(redis_client, closing(), visit("visit 8"))
    assert drain(redis_client, db) == 2
    assert redis_client.xlen(STREAM) == 0


def test_updates_count_after_a_loss_of_redis_on_a_host_whose_clock_went_back(
    redis_client: redis.Redis, db: Database
) -> None:
    append(redis_client, visit(at=FIRST))
    drain(redis_client, db)
    ahead = int(time.time() * 1000) + 86_400_000
    position = IntakeEntry(f"{ahead}-7", "", "").position
    with db.write() as tx:
        tx.execute(update(occasion).values(stream_position=position))
    redis_client.flushall()
    with capture_logs() as lines:
        drain(redis_client, db)
    assert [line["action"] for line in lines] == ["intake_moved"]
    append(redis_client, visit(at=SECOND))
    assert drain(redis_client, db) == 1
    assert occasion_rows(db)[0]["at"] == SECOND


def test_a_repeated_request_to_cancel_does_not_undo_an_operators_decision(
    redis_client: redis.Redis, db: Database
) -> None:
    message_id = send_message(db, reply(), Uncertain("read-timeout", "No answer came.", None))
    Intake(redis_client).append("cancel", [message_id], reply_to="answers")
    ((stream_id, fields),) = cast(Any, redis_client.xrange(STREAM))
    drain(redis_client, db)
    assert redis_client.lpop("answers") == '{"ok": false}'
    resolve(db, message_id, "resend", by="Asha")
    redis_client.delete(STREAM)
    redis_client.xadd(STREAM, fields, id=stream_id)
    drain(redis_client, db)
    assert row(db, message_id)["state"] == "waiting"
    Intake(redis_client).append("cancel", [message_id])
    drain(redis_client, db)
    assert row(db, message_id)["state"] == "uncertain", "a new request counts"


def test_a_repeated_choice_has_one_proof(redis_client: redis.Redis, db: Database) -> None:
    choice = consent_choice()
    Intake(redis_client).append("wish", [choice.to_json("default")])
    committer(db).commit(Intake(redis_client, "dead").read())
    time.sleep(DELIVERED_AGAIN)
    drain(redis_client, db)
    with db.read() as tx:
        assert len(tx.rows(select(consent))) == 1, "at the time of its hand-over"
    record_consent(db, "default", [choice, choice])
    with db.read() as tx:
        assert len(tx.rows(select(consent))) == 2, "and one at the time that the choice names"


def test_an_opt_out_with_a_placeholder_instead_of_a_date_counts(redis_client: redis.Redis, db: Database) -> None:
    placeholder = json.loads(consent_choice().to_json("default")) | {"at": "0001-01-01T00:00:00+05:30"}
    Intake(redis_client).append("wish", [json.dumps(placeholder)])
    assert drain(redis_client, db) == 1
    with db.read() as tx:
        (recorded,) = tx.rows(select(consent))
        assert timedelta() <= tx.now - recorded["at"] < timedelta(minutes=1), "the time of its hand-over"


def test_a_task_that_celery_delivers_twice_is_applied_once(db: Database, valkey_server: ValkeyServer) -> None:
    at = FIRST.isoformat()
    script = f"""
from tasks.occasion import occasion
options = {{"to": "+919876500001", "at": "{at}", "zone": "Asia/Kolkata", "parameters": {visit().parameters!r}}}
save = lambda: occasion.apply(["save", "appointment", "visit 7"], options, task_id="first", throw=True)
save()
occasion.apply(["cancel", "appointment", "visit 7"], task_id="second", throw=True)
save()
"""
    done = run(db, valkey_server, script)
    assert done.returncode == 0, done.stderr
    assert occasion_rows(db)[0]["status"] == "cancelled"


def test_a_task_that_was_refused_applies_when_it_is_retried(db: Database) -> None:
    """Celery keeps no order: the cancellation comes first, fails, and is retried by a person."""
    cancellation = Closing(kind="appointment", reference="visit 7", status="cancelled")
    assert isinstance(committer(db).save_once(cancellation, "second"), NotFound)
    assert committer(db).save_once(visit(), "first") == Change.CREATED
    assert committer(db).save_once(cancellation, "second") == Change.CHANGED
    assert committer(db).save_once(visit(), "first") == Change.OUTDATED


def test_an_update_of_the_intake_after_one_of_the_ledger_counts(redis_client: redis.Redis, db: Database) -> None:
    append(redis_client, visit(at=FIRST))
    drain(redis_client, db)
    assert save(db, visit(at=SECOND)) == [Change.CHANGED]
    append(redis_client, visit(at=FIRST))
    drain(redis_client, db)
    assert occasion_rows(db)[0]["at"] == FIRST


def append(client: redis.Redis, *updates: OccasionUpdate) -> None:
    for each in updates:
        Intake(client).append(verb_of(each), [each.to_json()])


def drain(client: redis.Redis, db: Database, *, abandoned_seconds: float = DELIVERED_AGAIN) -> int:
    intake = Intake(client, "next", abandoned_seconds=abandoned_seconds)
    return IntakeConsumer(intake, db, lambda _: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10).drain()


def committer(db: Database) -> Committer:
    return Committer(db, lambda _: None, plan=PLAN, deadlines=DEADLINES, queued_seconds=10, rejected=lambda: None)


def consent_choice() -> ConsentChoice:
    at = datetime.now(UTC) - timedelta(hours=1)
    return ConsentChoice.parse(
        "919876500001", action="opt-out", category="everything", how="application", proof="a call", at=at
    )
