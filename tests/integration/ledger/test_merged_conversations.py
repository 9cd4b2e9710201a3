"""Two conversations that prove to be with one person: no silence is lost, and no question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from harkara.inbound.contact import ConsentChoice
from harkara.ledger.contacts.consent import apply_consent, link_names
from harkara.ledger.conversations.modes import assign_to_person, give_back, switch_off
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.record import record_reply
from harkara.ledger.database import Database
from harkara.ledger.events.process import process
from harkara.ledger.tables import conversation
from tests.integration.ledger.turns import (
    ASHA,
    BY,
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
from tests.integration.ledger.webhooks import CONTEXT, inbound_webhook, store_webhooks

HIDDEN = "IN.13491208655302741918"

Step = Callable[[Database, str], Any]


def wrote_hidden(db: Database, words: str = "Is it open?") -> None:
    """Asha writes, and hides her number."""
    sender: dict[str, Any] = {"from": HIDDEN}
    store_webhooks(db, inbound_webhook(words, f"w.{words}", **sender))
    while process(db, replace(CONTEXT, assistant=LIVE)):
        pass


def link(db: Database) -> None:
    with db.write() as tx:
        link_names(tx, "default", (ASHA, HIDDEN))


def off(db: Database, name: str) -> None:
    switch_off(db, find_participant(db, name), by=BY)


def assign(db: Database, name: str) -> None:
    assign_to_person(db, find_participant(db, name), by=BY)


def assign_long(db: Database, name: str) -> None:
    assign_to_person(db, find_participant(db, name), by=BY, hold=timedelta(hours=5))


def over(db: Database, name: str) -> None:
    assign(db, name)
    person = find_participant(db, name).id
    with db.write() as tx:
        passed = {"mode_until": tx.now - timedelta(seconds=1)}
        tx.execute(update(conversation).where(conversation.c.person == person).values(passed))


def assistant(db: Database, name: str) -> None:
    give_back(db, find_participant(db, name), by=BY)


@pytest.mark.parametrize(
    ("steps", "mode", "hours"),
    [
        ((off, assign), "off", None),
        ((assign, off), "off", None),
        ((off, assistant), "off", None),
        ((assistant, off), "off", None),
        ((assign_long, assign), "person", 4),
        ((assign, assign_long), "person", 4),
        ((assistant, assign), "person", 0),
        ((over, assistant), "assistant", None),
        ((assistant, over), "assistant", None),
    ],
)
def test_the_stricter_of_two_modes_stays(db: Database, steps: Sequence[Step], mode: str, hours: int | None) -> None:
    wrote(db, "Hello")
    wrote_hidden(db)
    for step, name in zip(steps, (ASHA, HIDDEN), strict=True):
        step(db, name)
    link(db)
    row = row_of(db)
    with db.read() as tx:
        left = row["mode_until"] and (row["mode_until"] - tx.now) // timedelta(hours=1)
    assert (row["mode"], left) == (mode, hours)


def test_a_question_that_waits_under_the_other_name_is_answered(db: Database) -> None:
    wrote(db, "Hello")
    answer(db)
    wrote_hidden(db)
    link(db)
    assert talk_of(db, claimed(db)).question == "Hello\nIs it open?", "the answer that had not left is dropped, too"


def test_an_only_conversation_keeps_what_it_was_under_the_older_id(db: Database) -> None:
    """The number is known from a status, before the customer writes under the user id."""
    with db.write() as tx:
        link_names(tx, "default", (ASHA, "IN.1"))
    wrote_hidden(db)
    before = row_of(db)
    link(db)
    kept = ("unanswered", "topic_at", "greeted", "unread")
    assert [row_of(db)[name] for name in kept] == [before[name] for name in kept]
    assert talk_of(db, claimed(db)).question == "Is it open?"


def opt_in(db: Database) -> None:
    with db.write() as tx:
        given: Any = {"action": "opt-in", "category": "marketing", "how": "import", "proof": "CSV", "at": tx.now}
        apply_consent(tx, "default", [ConsentChoice.parse(ASHA, **given)])


@pytest.mark.parametrize("step", [opt_in, link])
@pytest.mark.parametrize("rules", [LIVE, DRAFTS])
def test_an_answer_that_a_choice_or_a_name_drops_is_made_again(db: Database, step: Any, rules: Any) -> None:
    """The customer has said nothing else, and waits for it."""
    wrote(db, "Is it open?", rules=rules)
    answer(db, rules=rules)
    step(db)
    dropped = answers_of(db)[0]["state"] if rules is LIVE else turns_of(db)[0]["decision"]
    assert dropped == ("cancelled" if rules is LIVE else "dropped")
    assert talk_of(db, claimed(db)).question == "Is it open?"


def test_no_answer_is_made_again_where_a_person_answers(db: Database) -> None:
    wrote(db, "Is it open?")
    answer(db)
    with db.write() as tx:
        record_reply(tx, "default", row_of(db)["person"])
    link(db)
    assert row_of(db)["turn_due_at"] is None
