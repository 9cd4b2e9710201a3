"""After a restore, webhooks show which messages were sent since the backup; an operator decides about the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harkara.chatmitra.webhooks import parse
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.halts import RESTORED
from harkara.ledger.recovery import Proposals, propose
from harkara.ledger.restore import settle_restored
from harkara.messages import Text
from tests.integration.ledger.steps import (
    LOST,
    accept_messages,
    age_messages,
    otp,
    reply,
    row,
    states_of,
    trace_of,
    update_message,
)
from tests.integration.ledger.webhooks import (
    CONTEXT,
    deliver_webhooks,
    post_message,
    process_events,
    send_message,
    status_webhook,
    store_webhooks,
    stored_events,
)

LANES = ("default", "north")


def proposals(db: Database, sent_until: datetime | None = None) -> Proposals:
    return propose(db, CONTEXT.lanes, parse, sent_until)


def decisions(db: Database, sent_until: datetime | None = None) -> dict[str, str]:
    return {each.id: each.decision for each in proposals(db, sent_until).messages}


def test_a_stored_webhook_is_evidence_for_a_message_that_the_ledger_shows_as_unsent(db: Database) -> None:
    sent, doubtful = accept_messages(db, reply(1), reply(2))
    (later,) = accept_messages(db, reply(3, at=datetime.now(UTC) + timedelta(hours=1)))
    store_webhooks(db, status_webhook(db, "delivered", n=1))
    before = states_of(db, [sent, doubtful, later])
    found = proposals(db)
    assert {each.id: each.decision for each in found.messages} == {sent: "sent", doubtful: "uncertain"}
    assert found.numbers == {"sent": 1, "uncertain": 1, "send": 0}
    assert "reports it as delivered" in next(each.why for each in found.messages if each.id == sent)
    assert states_of(db, [sent, doubtful, later]) == before
    assert [each["state"] for each in stored_events(db)] == ["new"]


def test_a_message_that_is_marked_gets_the_state_of_its_webhook_and_the_others_wait(db: Database) -> None:
    sent, doubtful = accept_messages(db, reply(1), reply(2))
    store_webhooks(db, status_webhook(db, "delivered", n=1))
    assert settle_restored(db, LANES, by="Asha") == 2
    assert process_events(db)["folded"] == 1
    assert states_of(db, [sent, doubtful]) == ["delivered", "uncertain"]
    assert trace_of(db, sent)[-2:] == ["uncertain", "delivered"]
    assert row(db, doubtful)["code"] == RESTORED
    assert audit(db).clean


def test_a_webhook_that_comes_after_the_restore_finds_its_message_by_content_and_later_ones_by_id(
    db: Database,
) -> None:
    (sent,) = accept_messages(db, reply(1))
    settle_restored(db, LANES, by="Asha")
    deliver_webhooks(db, status_webhook(db, "sent", n=1))
    assert states_of(db, [sent]) == ["sent"]
    deliver_webhooks(db, status_webhook(db, "read", n=1))
    assert states_of(db, [sent]) == ["read"]
    assert [each["message_id"] for each in stored_events(db)] == [sent, sent]


def test_another_text_another_person_and_another_lane_are_no_evidence(db: Database) -> None:
    accept_messages(db, reply(1), reply(2, messages=[Text("Your table is gone")]), reply(3, lane="north"))
    settle_restored(db, LANES, by="Asha")
    deliver_webhooks(db, *(status_webhook(db, "delivered", f"wamid.{n}", n=n) for n in (2, 3, 4)))
    assert [each["message_id"] for each in stored_events(db)] == [None] * 3
    assert proposals(db).numbers == {"sent": 0, "uncertain": 3, "send": 0}


def test_a_webhook_from_before_the_message_is_no_evidence(db: Database) -> None:
    early = status_webhook(db, "delivered", n=1, timestamp=datetime.now(UTC).timestamp() - 3600)
    (doubtful,) = accept_messages(db, reply(1))
    store_webhooks(db, early)
    assert decisions(db) == {doubtful: "uncertain"}
    settle_restored(db, LANES, by="Asha")
    process_events(db)
    assert states_of(db, [doubtful]) == ["uncertain"]


def test_a_reminder_that_was_accepted_long_before_it_was_due_is_recognized(db: Database) -> None:
    (sent,) = accept_messages(db, reply(1))
    with_old_moments = {
        "created_at": timedelta(days=3),
        "changed_at": timedelta(days=3),
        "due_at": timedelta(minutes=5),
    }
    now = datetime.now(UTC)
    update_message(db, sent, **{name: now - age for name, age in with_old_moments.items()})
    store_webhooks(db, status_webhook(db, "delivered", n=1))
    assert decisions(db) == {sent: "sent"}


def test_one_webhook_is_evidence_for_one_of_two_equal_messages(db: Database) -> None:
    first, second = accept_messages(db, reply(1), reply(1))
    store_webhooks(db, status_webhook(db, "delivered", n=1))
    assert sorted(decisions(db).values()) == ["sent", "uncertain"]
    settle_restored(db, LANES, by="Asha")
    process_events(db)
    assert sorted(states_of(db, [first, second])) == ["delivered", "uncertain"]


def test_a_lost_answer_from_before_the_backup_is_compared_too(db: Database) -> None:
    lost, silent = send_message(db, reply(1), LOST), send_message(db, reply(2), LOST)
    store_webhooks(db, status_webhook(db, "read", n=1))
    assert decisions(db) == {lost: "sent", silent: "uncertain"}


def test_what_was_being_sent_when_the_backup_was_made_is_compared_too(db: Database) -> None:
    reported, silent = (post_message(db, reply(n)).id for n in (1, 2))
    store_webhooks(db, status_webhook(db, "delivered", n=1))
    assert states_of(db, [reported, silent]) == ["sending", "sending"]
    assert decisions(db) == {reported: "sent", silent: "uncertain"}


def test_what_came_due_after_the_outage_began_is_sent(db: Database) -> None:
    before, after, forward = accept_messages(db, reply(1), reply(2), reply(3))
    age_messages(db, 7200, before)
    update_message(db, forward, code="lane-parked")
    outage = datetime.now(UTC) - timedelta(hours=1)
    assert decisions(db, outage) == {before: "uncertain", after: "send", forward: "uncertain"}
    assert settle_restored(db, LANES, by="Asha", sent_until=outage) == 2
    assert states_of(db, [before, after, forward]) == ["uncertain", "waiting", "uncertain"]
    assert decisions(db, outage) == {before: "uncertain", after: "send", forward: "uncertain"}


def test_a_one_time_code_is_in_doubt_like_any_message(db: Database) -> None:
    (code,) = accept_messages(db, otp(1))
    assert decisions(db) == {code: "uncertain"}


def test_only_the_first_messages_are_listed_and_all_are_counted(db: Database) -> None:
    accept_messages(db, *(reply(n) for n in range(5)))
    found = propose(db, CONTEXT.lanes, parse, limit=2)
    assert (len(found.messages), found.numbers["uncertain"]) == (2, 5)
