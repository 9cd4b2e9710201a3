"""A failed event gives the message its code and reason, and may pause a lane or a template."""

from __future__ import annotations

import pytest

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.halts import active_halts
from harkara.outcomes import Accepted
from tests.integration.ledger.steps import (
    marketing,
    reply,
    row,
)
from tests.integration.ledger.webhooks import (
    deliver_webhooks,
    inbound_webhook,
    send_message,
    state_of,
    status_webhook,
)


def test_a_failure_is_final_and_its_reason_gives_the_next_step(db: Database) -> None:
    message_id = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "failed", error={"code": 131053, "message": "Media upload error"}))
    stored = row(db, message_id)
    assert (stored["state"], stored["code"]) == ("failed", "131053")
    assert "open its link" in stored["reason"]
    assert stored["reason"].endswith("WhatsApp said: Media upload error")
    assert audit(db).clean


def test_a_failure_without_a_reason_has_a_code_of_its_own(db: Database) -> None:
    message_id = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "failed"))
    assert (row(db, message_id)["code"], "no reason" in row(db, message_id)["reason"]) == (
        "undelivered",
        True,
    )


@pytest.mark.parametrize(("wrote", "expected"), [(False, "window-closed"), (True, "131026")])
def test_the_code_of_an_undeliverable_raw_message_depends_on_the_window(
    db: Database, wrote: bool, expected: str
) -> None:
    if wrote:
        deliver_webhooks(db, inbound_webhook())
    message_id = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "failed", error={"code": 131026, "message": "Message undeliverable"}))
    assert row(db, message_id)["code"] == expected


def test_the_code_of_an_undeliverable_template_does_not_depend_on_the_window(db: Database) -> None:
    envelope = marketing()
    message_id = send_message(db, envelope)
    template = envelope.body()["messages"][0]["template"]
    deliver_webhooks(
        db, status_webhook(db, "failed", message={"type": "template", "template": template}, error={"code": 131026})
    )
    assert row(db, message_id)["code"] == "131026"


def test_a_lane_code_parks_the_lane_and_a_template_code_pauses_the_template(db: Database) -> None:
    promotion = marketing(1)
    send_message(db, reply())
    send_message(db, promotion)
    template = promotion.body()["messages"][0]["template"]
    deliver_webhooks(
        db,
        status_webhook(db, "failed", error={"code": 131042}),
        status_webhook(
            db, "failed", "wamid.2", 1, message={"type": "template", "template": template}, error={"code": 132015}
        ),
    )
    with db.read() as tx:
        assert {(h.scope, h.subject, h.code) for h in active_halts(tx)} == {
            ("lane", "", "131042"),
            ("template", "spring_sale", "132015"),
        }


def test_a_failure_of_an_hour_ago_pauses_nothing(db: Database) -> None:
    message_id = send_message(db, reply(), Accepted("job-1", 202))
    with db.read() as tx:
        hour_ago = tx.now.timestamp() - 3600
    deliver_webhooks(db, status_webhook(db, "failed", jobId="job-1", timestamp=hour_ago, error={"code": 131042}))
    assert state_of(db, message_id) == "failed"
    with db.read() as tx:
        assert active_halts(tx) == []


def test_a_reason_with_characters_that_a_database_refuses_is_stored_without_them(db: Database) -> None:
    message_id = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "failed", error={"code": 131053, "message": "Media\0 upload \ud83d error"}))
    stored = row(db, message_id)
    assert (stored["state"], stored["code"]) == ("failed", "131053")
    assert stored["reason"].endswith("WhatsApp said: Media upload ? error")


def test_a_delivered_event_after_a_failed_one_wins(db: Database) -> None:
    message_id = send_message(db, reply())
    deliver_webhooks(db, status_webhook(db, "failed", error={"code": 131000}))
    deliver_webhooks(db, status_webhook(db, "delivered"))
    stored = row(db, message_id)
    assert (stored["state"], stored["code"], stored["reason"]) == ("delivered", None, None)
    assert audit(db).clean
