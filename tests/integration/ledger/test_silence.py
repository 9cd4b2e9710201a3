"""A lane is silent while its messages are accepted and no webhook arrives."""

from __future__ import annotations

import pytest

from harkara.ledger.database import Database
from harkara.ledger.events.silence import webhook_silences
from harkara.outcomes import Uncertain
from tests.integration.ledger.steps import age_messages, reply
from tests.integration.ledger.steps import send_message as send_without_webhooks
from tests.integration.ledger.webhooks import (
    CONTEXT,
    LANE,
    age_events,
    deliver_webhooks,
    send_message,
    status_webhook,
)


def test_a_lane_is_silent_since_its_first_message_without_a_later_webhook(db: Database) -> None:
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


def test_a_lane_without_a_secret_or_without_accepted_messages_is_not_silent(db: Database) -> None:
    send_without_webhooks(db, reply(1))
    send_message(db, reply(2), Uncertain("reset", "The connection broke.", None))
    age_messages(db, 1000)
    assert webhook_silences(db, {"default": LANE}) == {"default": 0.0}
    assert webhook_silences(db, {}) == {}
