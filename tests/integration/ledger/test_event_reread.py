"""Events that an older release could not read are read again by a newer one."""

from __future__ import annotations

import json
from dataclasses import replace

from sqlalchemy import update

from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, add_dead_letters
from harkara.ledger.events.process import process
from harkara.ledger.events.reread import reread_unknown
from harkara.ledger.events.stored_event import EventState
from harkara.ledger.tables import event
from tests.integration.ledger.webhooks import (
    CONTEXT,
    age_events,
    inbound_webhook,
    preference_webhook,
    process_events,
    store_webhooks,
    stored_events,
)


def leave_as_unknown(db: Database) -> None:
    """What a process of the release before does with events that it cannot read."""
    with db.write() as tx:
        tx.execute(update(event).values(state=EventState.UNKNOWN.value, about="user.preferences"))


def test_a_choice_that_an_older_worker_left_unread_is_applied(db: Database) -> None:
    store_webhooks(db, preference_webhook("stop"), json.dumps({"event": "account.alert"}).encode())
    leave_as_unknown(db)
    assert reread_unknown(db, CONTEXT) == 1
    assert process_events(db).total() == 1
    assert sorted(row["state"] for row in stored_events(db)) == ["folded", "unknown"]
    assert reread_unknown(db, CONTEXT) == 0


def test_an_event_of_long_ago_is_not_read_again(db: Database) -> None:
    store_webhooks(db, preference_webhook("stop"))
    leave_as_unknown(db)
    age_events(db, 3 * 86_400)
    assert reread_unknown(db, CONTEXT) == 0


def test_an_event_of_the_account_itself_is_not_read_again(db: Database) -> None:
    """This release leaves it as unknown, too."""
    own = Lane("default", "token", None, number="919876500007")
    context = replace(CONTEXT, lanes={"default": own})
    store_webhooks(db, inbound_webhook(n=7))
    assert process(db, context).total() == 1
    assert [row["state"] for row in stored_events(db)] == ["unknown"]
    assert reread_unknown(db, context) == 0


def test_an_event_with_a_dead_letter_waits_for_a_person(db: Database) -> None:
    store_webhooks(db, preference_webhook("stop"))
    leave_as_unknown(db)
    add_dead_letters(db, [DeadLetter.of("events", str(stored_events(db)[0]["id"]), "received", ValueError())])
    assert reread_unknown(db, CONTEXT) == 0
