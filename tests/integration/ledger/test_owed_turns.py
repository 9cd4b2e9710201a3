"""Words that need no answer, such as the Confirm of a reminder, lose no question that was asked beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from harkara.chatmitra.webhooks import parse
from harkara.ledger.alarms.alarms import PRODUCER
from harkara.ledger.conversations.due_turns import claim_turns
from harkara.ledger.conversations.talk import load_talk
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.tables import event
from tests.integration.ledger.alarms import open_one
from tests.integration.ledger.occasions import reminder_rows, save, visit
from tests.integration.ledger.steps import reply
from tests.integration.ledger.test_inbound_messages import send_reminder
from tests.integration.ledger.turns import (
    DRAFTS,
    LIVE,
    answer,
    answers_of,
    claimed,
    row_of,
    talk_of,
    turns_of,
    wrote,
)
from tests.integration.ledger.webhooks import CONTEXT, inbound_webhook, send_message, store_webhooks

QUESTION = "Where is your clinic?"


def remind(db: Database) -> None:
    save(db, visit())
    send_reminder(db)


def alarm(db: Database) -> None:
    send_message(db, reply(1, reference=open_one(db), producer=PRODUCER))


NEEDLESS: dict[str, tuple[Callable[[Database], Any], str]] = {
    "confirm": (remind, "Confirm"),
    "acknowledge": (alarm, "OK"),
    "start": (lambda db: None, "START"),
    "marketing": (lambda db: None, "stop offers"),
}


@pytest.mark.parametrize("words", NEEDLESS)
def test_a_question_before_or_after_them_is_answered(db: Database, words: str) -> None:
    prepare, said = NEEDLESS[words]
    prepare(db)
    wrote(db, QUESTION, said)
    assert talk_of(db, claimed(db)).question == f"{QUESTION}\n{said}"
    wrote(db, QUESTION)
    assert row_of(db)["turn_due_at"] is not None


def test_an_answer_that_they_drop_is_made_again(db: Database) -> None:
    remind(db)
    wrote(db, QUESTION)
    answer(db)
    wrote(db, "Confirm")
    assert answers_of(db)[0]["state"] == "cancelled"
    assert talk_of(db, claimed(db)).question == f"{QUESTION}\nConfirm"


def test_a_draft_that_they_drop_is_made_again(db: Database) -> None:
    remind(db)
    wrote(db, QUESTION, rules=DRAFTS)
    answer(db, rules=DRAFTS)
    wrote(db, "Confirm", rules=DRAFTS)
    assert (turns_of(db)[0]["outcome"], turns_of(db)[0]["decision"]) == ("superseded", "dropped")
    assert row_of(db)["turn_due_at"] is not None


def test_a_thought_that_they_overtake_is_thought_again(db: Database) -> None:
    remind(db)
    wrote(db, QUESTION)
    one = claimed(db)
    wrote(db, "Confirm")
    assert claim_turns(db, 5, 60) == [], "the first thought is not over"
    assert (row_of(db)["turn_due_at"], row_of(db)["revision"]) != (None, one.revision)


def test_stop_drops_what_was_asked(db: Database) -> None:
    wrote(db, QUESTION)
    answer(db)
    wrote(db, "STOP")
    assert (answers_of(db)[0]["state"], row_of(db)["turn_due_at"]) == ("cancelled", None)


def test_a_reminder_that_is_sent_while_a_customer_writes_divides_no_burst(db: Database) -> None:
    save(db, visit())
    wrote(db, QUESTION)
    send_reminder(db)
    wrote(db, "Confirm")
    talk = talk_of(db, claimed(db))
    assert talk.question == f"{QUESTION}\nConfirm"
    assert [one.answer for one in talk.said] == ["confirmed", None, None]


def test_the_answer_to_a_reminder_is_known_although_it_is_older_than_the_topic(db: Database) -> None:
    remind(db)
    wrote(db, QUESTION, "Confirm")
    one = claimed(db)._replace(topic_at=reminder_rows(db)[0]["posted_at"] + timedelta(seconds=30))
    with db.write() as tx:
        tx.execute(update(event).values(received_at=one.topic_at, at=one.topic_at))
    found = load_talk(db, one, parse)
    assert found
    assert [said.answer for said in found.said][:1] == ["confirmed"]


def test_the_wait_begins_when_the_message_is_received_and_half_of_it_is_left(db: Database) -> None:
    hour = timedelta(hours=1)
    rules = LIVE.model_copy(update={"debounce": hour, "debounce_limit": 4 * hour})
    for n, minutes in ((1, 20), (2, 50)):
        store_webhooks(db, inbound_webhook("Hello", f"w.{n}", n))
        begun = db.now()
        received_at = begun - timedelta(minutes=minutes)
        with db.write() as tx:
            tx.execute(update(event).where(event.c.state == "new").values(received_at=received_at))
        while process(db, replace(CONTEXT, assistant=rules)):
            pass
        due = row_of(db, n)["turn_due_at"]
        assert due == received_at + hour if minutes < 30 else begun <= due - hour / 2 <= db.now()
