"""The revision of a conversation grows with each choice and each change of names, of whatever source."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from harkara.chatmitra.webhooks import parse
from harkara.inbound.contact import ConsentChoice
from harkara.ledger.contacts.consent import link_names, record_consent
from harkara.ledger.contacts.housekeeping import settle_people
from harkara.ledger.contacts.marketing_choice import apply_marketing_stop
from harkara.ledger.conversations.chat import get_chat
from harkara.ledger.conversations.commands import opt_out
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.queries import list_conversations, load_row
from harkara.ledger.database import Database
from harkara.ledger.events.process import RETRY_SECONDS
from harkara.ledger.events.stored_event import EventState
from harkara.ledger.personal.receipt import erase_with_receipt
from harkara.ledger.tables import conversation, event
from harkara.ledger.users.acts import Actor
from tests.integration.ledger.people import choice, record_as_release_before
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.steps import reply
from tests.integration.ledger.webhooks import (
    deliver_webhooks,
    inbound_webhook,
    preference_webhook,
    process_events,
    send_message,
    status_webhook,
    store_webhooks,
)

ASHA, RAVI, USER_ID = "919876500001", "919876500002", "IN.13491208655302741918"
CHANGED = {"type": "system", "system": {"type": "user_changed_number", "wa_id": "919876500003", "body": "x"}}

Source = Callable[[Database], Any]


def revision(db: Database, name: str = ASHA) -> int:
    with db.read() as tx:
        row = load_row(tx, find_participant(db, name, ["default"]))
    return row["revision"] if row else 0


def choose(**values: Any) -> Source:
    return lambda db: record_consent(db, "default", [choice(ASHA, **values)])


def from_the_intake(db: Database) -> None:
    record_consent(db, "default", [choice(ASHA)], ["1-0"], [time.monotonic()])


def in_the_chat(db: Database) -> None:
    opt_out(db, find_participant(db, ASHA), "everything", "By telephone", how="operator")


def refused_by_whatsapp(db: Database) -> None:
    with db.write() as tx:
        apply_marketing_stop(tx, "default", [ASHA], tx.now, "msg_1")


def failed_by_webhook(db: Database) -> None:
    send_message(db, reply(1))
    deliver_webhooks(db, status_webhook(db, "failed", n=1, error={"code": 131050, "message": "User has stopped"}))


def by_webhook(body: bytes) -> Source:
    return lambda db: deliver_webhooks(db, body)


def of_the_release_before(db: Database) -> None:
    record_as_release_before(db, ASHA)
    settle_people(db, 10)


def linked(db: Database) -> None:
    with db.write() as tx:
        link_names(tx, "default", (ASHA, USER_ID))


SOURCES: dict[str, Source] = {
    "command, import or HTTP API: opt-out": choose(),
    "command, import or HTTP API: opt-in": choose(action="opt-in"),
    "an old choice that changes nothing": choose(action="opt-in", category="marketing", at=-9),
    "an application with Redis alone": from_the_intake,
    "the chat": in_the_chat,
    "WhatsApp's menu: stop": by_webhook(preference_webhook("stop", 1)),
    "WhatsApp's menu: resume": by_webhook(preference_webhook("resume", 1)),
    "a refused message": refused_by_whatsapp,
    "a failed message": failed_by_webhook,
    "a worker of the release before": of_the_release_before,
    "another name": linked,
    "a changed number": by_webhook(inbound_webhook(wamid="w3", n=1, message=CHANGED)),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_the_revision_grows_with_a_choice_and_a_name_of_each_source(db: Database, source: Source) -> None:
    deliver_webhooks(db, inbound_webhook("Hello", "w1", 1), inbound_webhook("Hi", "w2", 2))
    assert (revision(db), revision(db, RAVI)) == (1, 1)
    source(db)
    assert revision(db) > 1


def test_the_word_of_the_customer_raises_it_once_more_than_another_word(db: Database) -> None:
    deliver_webhooks(db, inbound_webhook("Hello", "w1", 1), inbound_webhook("Again", "w2", 1))
    assert revision(db) == 2
    deliver_webhooks(db, inbound_webhook("STOP", "w3", 1))
    assert revision(db) == 4


def test_a_choice_under_one_name_raises_it_for_all_names_and_for_no_one_else(db: Database) -> None:
    deliver_webhooks(db, inbound_webhook("Hello", "w1", 1), inbound_webhook("Hi", "w2", 2))
    linked(db)
    before = revision(db)
    record_consent(db, "default", [choice(USER_ID)])
    record_consent(db, "north", [choice(USER_ID)])
    assert (revision(db), revision(db, RAVI)) == (before + 1, 1)


def test_a_choice_and_a_name_that_are_known_already_raise_nothing(db: Database) -> None:
    deliver_webhooks(db, inbound_webhook("Hello", "w1", 1))
    for source in (choose(), linked):
        source(db)
        before = revision(db)
        source(db)
        assert revision(db) == before


def test_an_erased_person_who_writes_again_has_a_conversation_that_grows(db: Database) -> None:
    record_consent(db, "default", [choice(ASHA)])
    deliver_webhooks(db, inbound_webhook("Hello", "w1", 1))
    old = find_participant(db, ASHA).id
    erase_with_receipt(db, ASHA, "k" * 32, Actor("Meera", "command"))
    deliver_webhooks(db, inbound_webhook("Hello again", "w2", 1))
    assert (revision(db), find_participant(db, ASHA).id == old) == (1, False)
    record_consent(db, "default", [choice(ASHA, "opt-in")])
    assert revision(db) == 2


def test_many_choices_raise_the_revisions_with_one_statement(db: Database) -> None:
    deliver_webhooks(db, *(inbound_webhook("Hello", f"w{n}", n) for n in range(5)))
    now = datetime.now(UTC) - timedelta(seconds=1)
    given: Any = {"action": "opt-out", "category": "everything", "how": "import", "proof": "CSV", "at": now}
    choices = [ConsentChoice.parse(f"9198765{n:05d}", **given) for n in range(500)]
    with executed_statements() as statements:
        record_consent(db, "default", choices)
    assert len([each for each in statements if "UPDATE conversation" in each]) == 1
    with db.read() as tx:
        rows = tx.rows(select(conversation.c.revision))
    assert [row["revision"] for row in rows] == [2] * 5


def typed_in_the_dashboard(db: Database, words: str = "We close at nine", **fields: Any) -> None:
    """Let its event stay without a message until its last try."""
    store_webhooks(db, status_webhook(db, "sent", "wamid.typed", 1, message={"type": "text", "text": words}, **fields))
    with db.write() as tx:
        tx.execute(update(event).where(event.c.about == "sent").values(tries=len(RETRY_SECONDS)))
    assert process_events(db) == Counter(orphan=1)


def test_what_staff_type_in_the_dashboard_is_a_reply_of_a_person(db: Database) -> None:
    hour_ago = datetime.now(UTC).timestamp() - 3600
    deliver_webhooks(db, inbound_webhook("Until when?", "w1", 1, timestamp=hour_ago))
    typed_in_the_dashboard(db)
    chat = get_chat(db, find_participant(db, ASHA), parse)
    said = [(each.direction, each.text, each.source, each.state) for each in chat.entries]
    assert said == [("received", "Until when?", None, None), ("sent", "We close at nine", "dashboard", "sent")]
    found = chat.conversation
    assert (found.revision, found.unread, found.last_at) == (2, 0, chat.entries[-1].at)
    (listed,) = list_conversations(db, ["default"], parse)
    assert listed.last
    assert (listed.last.direction, listed.last.text) == ("sent", "We close at nine")
    assert process_events(db) == Counter(), "it is recorded once"
    erase_with_receipt(db, ASHA, "k" * 32, Actor("Meera", "command"))
    with db.read() as tx:
        assert [row["body"] for row in tx.rows(select(event.c.body))] == [None, None]


def test_what_a_customer_writes_after_the_reply_from_the_dashboard_stays_unread(db: Database) -> None:
    now = datetime.now(UTC).timestamp()
    deliver_webhooks(db, inbound_webhook("Hello", "w1", 1, timestamp=now - 300))
    deliver_webhooks(db, inbound_webhook("Anyone?", "w2", 1, timestamp=now - 60))
    typed_in_the_dashboard(db, timestamp=now - 200)
    assert get_chat(db, find_participant(db, ASHA), parse).conversation.unread == 2


def test_an_event_of_a_message_of_ours_is_no_reply_from_the_dashboard(db: Database) -> None:
    deliver_webhooks(db, inbound_webhook("Hello", "w1", 1))
    send_message(db, reply(1))
    before = revision(db)
    assert deliver_webhooks(db, status_webhook(db, "sent", n=1)) == Counter({EventState.APPLIED.value: 1})
    assert revision(db) == before
