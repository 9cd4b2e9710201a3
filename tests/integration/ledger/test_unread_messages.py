"""What customers wrote and no worker has applied may open the 24-hour window of a reply, or opt out of marketing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from harkara.delivery import gates
from harkara.delivery.gates import MOST_UNREAD_WAITS, UNREAD
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.tables import event
from harkara.messages import Template
from harkara.outcomes import Outcome, Refused, Replaced, Wait
from tests.integration.ledger.steps import (
    accept_messages,
    claim_messages,
    marketing,
    record_outcome,
    reply,
    row,
    update_message,
)
from tests.integration.ledger.webhooks import (
    CONTEXT,
    age_events,
    inbound_webhook,
    process_events,
    status_webhook,
    store_webhooks,
)


def claimed_reply(db: Database, **options: Any) -> Claimed:
    """Return the claim of a reply to person number 1."""
    (claimed,) = claim_messages(db, *accept_messages(db, reply(1, **options)))
    return claimed


def at_the_gates(db: Database, claimed: Claimed, **changes: Any) -> Outcome | None:
    return gates.check(replace(claimed, **changes), gates.load(db, CONTEXT.lanes, [claimed]))


def test_a_reply_waits_until_the_message_that_it_answers_is_applied(db: Database) -> None:
    """Its application has a webhook of its own, and was faster."""
    store_webhooks(db, inbound_webhook(n=1))
    claimed = claimed_reply(db)
    outcome = at_the_gates(db, claimed)
    assert isinstance(outcome, Wait)
    assert (outcome.seconds, outcome.code) == (1.0, UNREAD)
    record_outcome(db, claimed, outcome, posted=False)
    assert (row(db, claimed.id)["state"], row(db, claimed.id)["tries"]) == ("waiting", 0)
    process_events(db)
    update_message(db, claimed.id, due_at=row(db, claimed.id)["created_at"])
    (again,) = claim_messages(db, claimed.id)
    assert at_the_gates(db, again) is None


def test_a_message_that_is_applied_after_the_claim_opens_the_window(db: Database) -> None:
    claimed = claimed_reply(db)
    store_webhooks(db, inbound_webhook(n=1))
    process_events(db)
    assert at_the_gates(db, claimed) is None


def test_the_fallback_is_sent_when_nothing_is_unread(db: Database) -> None:
    store_webhooks(db, status_webhook(db, "sent"), inbound_webhook(wamid="w2", n=2))
    store_webhooks(db, inbound_webhook(wamid="w3", n=1), lane="north")
    claimed = claimed_reply(db, fallback=Template("write_to_us"))
    assert isinstance(at_the_gates(db, claimed), Wait), "the person of a message is known when it is applied"
    process_events(db)
    assert isinstance(at_the_gates(db, claimed), Replaced)


@pytest.mark.parametrize(
    ("waits", "waited_for", "age", "outcome"),
    [
        (0, None, 0, Wait),
        (5, UNREAD, 3, Refused),
        (5, UNREAD, 8, Wait),
        (5, "429", 3, Wait),
        (MOST_UNREAD_WAITS, UNREAD, 3600, Refused),
    ],
)
def test_messages_that_come_while_it_waits_do_not_prolong_it(
    db: Database, waits: int, waited_for: str | None, age: float, outcome: type[Outcome]
) -> None:
    store_webhooks(db, inbound_webhook(n=2))
    age_events(db, age)
    assert isinstance(at_the_gates(db, claimed_reply(db), waits=waits, waited_for=waited_for), outcome)


def test_marketing_waits_for_the_opt_outs_of_an_outage(db: Database) -> None:
    store_webhooks(db, inbound_webhook("STOP", n=1))
    (claimed,) = claim_messages(db, *accept_messages(db, marketing(1)))
    assert at_the_gates(db, claimed) is None, "it has just come, and cancels the message when it is applied"
    age_events(db, 6)
    outcome = at_the_gates(db, claimed)
    assert isinstance(outcome, Wait)
    assert (outcome.seconds, outcome.code) == (5.0, UNREAD)
    assert at_the_gates(db, claimed, category="utility") is None
    record_outcome(db, claimed, outcome, posted=False)
    process_events(db)
    assert row(db, claimed.id)["code"] == "opted-out"


def test_marketing_of_another_lane_does_not_wait(db: Database) -> None:
    store_webhooks(db, inbound_webhook("STOP", n=1))
    age_events(db, 6)
    (claimed,) = claim_messages(db, *accept_messages(db, marketing(1, lane="north")))
    assert at_the_gates(db, claimed) is None


def test_a_message_that_cannot_be_applied_holds_no_reply_back(db: Database) -> None:
    store_webhooks(db, inbound_webhook(n=1))
    with db.write() as tx:
        tx.execute(update(event).values(tries=1))
    assert isinstance(at_the_gates(db, claimed_reply(db)), Refused)
