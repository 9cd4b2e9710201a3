"""A conversation has what both sides said, counts what is unread, and costs other messages nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from harkara.chatmitra.webhooks import parse
from harkara.conversation import Chat, Conversation
from harkara.errors import Conflict, Invalid, NotFound
from harkara.ledger import migrate
from harkara.ledger.contacts.consent import link_names
from harkara.ledger.conversations.chat import MOST_READ, get_chat
from harkara.ledger.conversations.commands import mark_read, opt_out, reply
from harkara.ledger.conversations.people import Participant, find_participant
from harkara.ledger.conversations.queries import count_unread, cursor_of, list_conversations
from harkara.ledger.conversations.unlisted import list_unlisted
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept
from harkara.ledger.tables import contact, conversation, event
from harkara.ledger.users.acts import Actor, list_acts
from harkara.messages import Envelope, Template, Text
from harkara.receipt import Receipt
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger import steps
from tests.integration.ledger.bulk import fill
from tests.integration.ledger.occasions import save, visit
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.test_inbound_messages import send_reminder
from tests.integration.ledger.test_search_plans import explained
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook, process_events, store_webhooks

ASHA, RAVI = "919876500001", "919876500002"
BY = Actor("Meera", "console")
LANES = ["default", "north"]
HOLD = timedelta(minutes=5)


def listed(db: Database, **options: Any) -> list[Conversation]:
    return list_conversations(db, options.pop("lanes", LANES), parse, **options)


def chat_with(db: Database, number: str = ASHA, **options: Any) -> Chat:
    return get_chat(db, find_participant(db, number, LANES), parse, **options)


def person(db: Database, number: str = ASHA) -> Participant:
    return find_participant(db, number, LANES)


def enqueue(db: Database) -> Any:
    def accepted(envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        return accept(db, envelopes, deadlines=DEADLINES, queued_seconds=10).answers

    return accepted


def shut_window(db: Database) -> None:
    with db.write() as tx:
        tx.execute(update(contact).values(wrote_at=tx.now - timedelta(hours=25)))


def wrote(words: str, n: int, wamid: str, **fields: Any) -> bytes:
    return inbound_webhook(words, wamid, n, **fields)


def test_the_list_has_the_newest_first_with_their_last_words_and_what_is_unread(db: Database) -> None:
    now = datetime.now(UTC).timestamp()
    deliver_webhooks(db, wrote("Is it open?", 1, "w1", timestamp=now - 60, profile={"name": "Asha Kulkarni"}))
    deliver_webhooks(db, wrote("Hello", 2, "w2", timestamp=now - 50), wrote("Anyone?", 2, "w3", timestamp=now - 40))
    steps.send_message(db, steps.reply(1))
    ravi, asha = listed(db)
    assert [(each.number, each.name, each.unread) for each in (ravi, asha)] == [
        (RAVI, None, 2),
        (ASHA, "Asha Kulkarni", 1),
    ]
    assert ravi.last
    assert asha.last
    assert [(each.direction, each.text) for each in (ravi.last, asha.last)] == [
        ("received", "Anyone?"),
        ("sent", "Your table is ready"),
    ]
    assert asha.window_ends_at
    assert timedelta(hours=23) < asha.window_ends_at - db.now() < timedelta(hours=24)
    assert [each.number for each in listed(db, search="kulk")] == [ASHA]
    assert [each.number for each in listed(db, search="98765 00002")] == [RAVI]
    assert listed(db, lanes=["north"]) == listed(db, lanes=[]) == listed(db, search="unknown") == []
    assert [each.number for each in listed(db, before=cursor_of(ravi))] == [ASHA]
    assert str(count_unread(db, LANES)) == "2"
    mark_read(db, person(db, RAVI))
    assert [each.number for each in listed(db, unread=True)] == [ASHA]
    with pytest.raises(Invalid, match="cursor"):
        listed(db, before="x")


def test_a_chat_has_both_directions_the_choices_and_what_an_answer_did(db: Database) -> None:
    save(db, visit())
    send_reminder(db)
    deliver_webhooks(db, wrote("YES", 1, "w1"))
    steps.send_message(db, steps.otp(1))
    deliver_webhooks(db, wrote("STOP", 1, "w2"))
    chat = chat_with(db)
    shown = [(each.direction, each.kind, each.text) for each in chat.entries]
    assert [each[0] for each in shown] == ["sent", "received", "sent", "received", "consent"]
    assert chat.entries[0].answer == "confirmed"
    assert (chat.entries[2].text, chat.entries[2].content) == (None, None), "no code is shown"
    assert shown[3:] == [("received", "text", "STOP"), ("consent", "opt-out", "STOP")]
    assert chat.conversation.opted_out == "everything"
    assert ASHA not in repr(chat)
    json.dumps(dict(chat))


def test_a_chat_is_read_in_pages_and_entries_of_one_second_stay_together(db: Database) -> None:
    now = int(datetime.now(UTC).timestamp()) - 100
    deliver_webhooks(db, *(wrote(f"line {n}", 1, f"w{n}", timestamp=now + n // 3) for n in range(12)))
    for n in range(3):
        steps.send_message(db, steps.reply(1, messages=[Text(f"answer {n}")]))
    waiting = steps.accept_messages(db, steps.reply(1, at=datetime.now(UTC) + timedelta(hours=1)))
    texts: list[str | None] = []
    before = None
    pages = 0
    while True:
        page = chat_with(db, before=before, limit=5)
        texts = [each.text for each in page.entries] + texts
        pages += 1
        if page.before is None:
            break
        before = page.before
    assert texts == [*(f"line {n}" for n in range(12)), *(f"answer {n}" for n in range(3))]
    assert pages == 5
    assert [each.id for each in chat_with(db).waiting] == waiting


def test_a_chat_says_that_there_are_older_messages_than_it_reads(db: Database) -> None:
    deliver_webhooks(db, wrote("Hello", 1, "w1"))
    identity = steps.send_message(db, steps.reply(1))
    fill(db, identity, MOST_READ - 1)
    everything = chat_with(db, limit=MOST_READ + 1)
    assert (len(everything.entries), everything.before, everything.cut) == (MOST_READ + 1, None, False)
    fill(db, identity, 1, "also")
    first = chat_with(db)
    assert not first.cut, "the page before it says so"
    assert chat_with(db, before=first.before).cut


def test_a_reply_is_an_ordinary_message_that_is_sent_once(db: Database) -> None:
    deliver_webhooks(db, wrote("Is it open?", 1, "w1"))
    before = chat_with(db).conversation
    options: dict[str, Any] = {"producer": "console", "hold": HOLD, "reference": "r1", "by": BY}
    first = reply(db, enqueue(db), person(db), Text("Yes, until nine"), **options)
    again = reply(db, enqueue(db), person(db), Text("Yes, until nine"), **options)
    assert (first.new, again.new, first.id) == (True, False, again.id)
    after = chat_with(db).conversation
    assert (before.unread, after.unread) == (1, 0)
    assert after.revision > before.revision
    assert [(each.act, each.subject) for each in list_acts(db)] == [("conversation.replied", "default 91••••••0001")]
    with pytest.raises(Conflict, match="reference"):
        reply(db, enqueue(db), person(db), Text("No"), **options)


def test_a_text_is_refused_outside_the_window_and_a_template_is_not(db: Database) -> None:
    deliver_webhooks(db, wrote("Is it open?", 1, "w1"))
    shut_window(db)
    with pytest.raises(Conflict, match="window is closed"):
        reply(db, enqueue(db), person(db), Text("Yes"), producer="console", hold=HOLD)
    assert chat_with(db).conversation.unread == 1
    assert reply(db, enqueue(db), person(db), Template("visit_reminder"), producer="console", hold=HOLD).new
    opt_out(db, person(db), "everything", "Said so by telephone", how="operator")
    with pytest.raises(Invalid, match="wants no more messages"):
        reply(db, enqueue(db), person(db), Template("visit_reminder"), producer="console", hold=HOLD)


def test_an_opt_out_has_its_proof_cancels_what_waits_and_is_an_act(db: Database) -> None:
    deliver_webhooks(db, wrote("Call me", 1, "w1"))
    (waiting,) = steps.accept_messages(db, steps.marketing(1))
    revision = chat_with(db).conversation.revision
    assert opt_out(db, person(db), "marketing", "By telephone: no offers", how="operator", by=BY) == [waiting]
    chat = chat_with(db)
    assert (chat.conversation.opted_out, chat.conversation.revision) == ("marketing", revision + 1)
    assert (chat.entries[-1].text, chat.entries[-1].source) == ("By telephone: no offers", "operator")
    assert [(each.act, each.number) for each in list_acts(db)] == [("contact.opted-out", 1)]
    with pytest.raises(Invalid, match="proof"):
        opt_out(db, person(db), "marketing", " ", how="operator")


def test_what_comes_while_an_operator_reads_stays_unread(db: Database) -> None:
    deliver_webhooks(db, wrote("Hello", 1, "w1"))
    seen = chat_with(db).conversation.revision
    deliver_webhooks(db, wrote("Anyone?", 1, "w2"))
    assert not mark_read(db, person(db), seen, BY)
    assert chat_with(db).conversation.unread == 2
    assert mark_read(db, person(db), seen + 1, BY)
    assert not mark_read(db, person(db), None, BY)
    assert [(each.act, each.number) for each in list_acts(db)] == [("conversation.read", 2)]


def test_two_people_who_turn_out_to_be_one_have_one_conversation(db: Database) -> None:
    deliver_webhooks(db, wrote("Hello", 1, "w1", profile_name="Asha"), wrote("Hi", 2, "w2"))
    with db.write() as tx:
        link_names(tx, "default", (ASHA, RAVI))
    (one,) = listed(db)
    assert (one.unread, one.name) == (2, "Asha")
    assert [each.text for each in chat_with(db, RAVI).entries] == ["Hello", "Hi"]
    assert find_participant(db, one.contact).names == (ASHA, RAVI)


def test_people_of_other_lanes_are_not_found(db: Database) -> None:
    deliver_webhooks(db, wrote("Hello", 1, "w1"), lane="north")
    found = find_participant(db, ASHA)
    for key in (ASHA, found.id):
        with pytest.raises(NotFound):
            find_participant(db, key, ["default"])
    deliver_webhooks(db, wrote("Hello", 1, "w1"))
    with pytest.raises(Conflict, match="name the lane"):
        find_participant(db, ASHA)


def test_what_a_release_without_conversations_applied_is_added_to_them(db: Database) -> None:
    """So it is after an upgrade, and while workers of both releases run."""
    deliver_webhooks(db, *(wrote(f"Hello {n}", n, f"w{n}") for n in (1, 2, 3)))
    with db.write() as tx:
        tx.execute(delete(conversation))
        tx.execute(update(event).values(sender=None))
        old = select(event.c.id).order_by(event.c.id).limit(1)
        tx.execute(update(event).where(event.c.id.in_(old)).values(received_at=tx.now - timedelta(days=3)))
    deliver_webhooks(db, wrote("New", 3, "w4"))
    assert [each.unread for each in listed(db)] == [1]
    assert (list_unlisted(db, parse, limit=2), list_unlisted(db, parse), list_unlisted(db, parse)) == (2, 1, 0)
    assert {each.number: each.unread for each in listed(db)} == {ASHA: 0, RAVI: 1, "919876500003": 2}
    assert [each.text for each in chat_with(db, "919876500003").entries] == ["Hello 3", "New"]


def test_conversations_survive_the_migration_in_both_directions(own_db: Database) -> None:
    deliver_webhooks(own_db, wrote("Hello", 1, "w1"))
    migrate.downgrade(own_db, BEFORE)
    migrate.upgrade(own_db)
    assert listed(own_db) == []
    assert list_unlisted(own_db, parse) == 1
    assert [(each.number, each.unread) for each in listed(own_db)] == [(ASHA, 1)]


BEFORE = "0022"


def test_an_inbound_message_costs_one_statement_more_and_an_outgoing_one_none(db: Database) -> None:
    deliver_webhooks(db, wrote("Hello", 1, "w1"))
    store_webhooks(db, wrote("Again", 1, "w2"))
    with executed_statements() as statements:
        process_events(db)
    about = [each for each in statements if "conversation" in each]
    assert [each.split()[:3] for each in about] == [["INSERT", "INTO", "conversation"]]
    with executed_statements() as statements:
        steps.send_message(db, steps.reply(1))
        steps.send_message(db, steps.marketing(1))
        steps.send_message(db, steps.otp(1))
    about = [each for each in statements if "conversation" in each]
    assert {(each.split()[0], each.split("CASE WHEN ")[1].split(" THEN")[0]) for each in about} == {
        ("UPDATE", "message.talk_person IS NOT NULL")
    }, "the claim alone, and only for an answer of the assistant"


def test_a_page_reads_indexes_alone(db: Database) -> None:
    deliver_webhooks(db, *(wrote("Hello", n, f"w{n}") for n in range(3)))
    identity = steps.send_message(db, steps.reply(1))
    fill(db, identity, 2000)
    with db.write() as tx:
        tx.execute(text(_MANY_CONTACTS))
        tx.execute(text(_MANY_EVENTS))
        tx.execute(
            text(
                "INSERT INTO conversation (lane, person, last_at, unread, revision)"
                " SELECT lane, person, wrote_at, 0, 1 FROM contact WHERE person LIKE 'many%'"
            )
        )
        tx.execute(text("ANALYZE"))
    with explained(db) as plans:
        found = listed(db, limit=3)
        listed(db, limit=3, before=cursor_of(found[-1]))
        listed(db, unread=True)
        count_unread(db, LANES)
        chat_with(db)
        chat_with(db, before=datetime.now(UTC) - timedelta(hours=1))
    read_as_a_whole = {name for plan in plans for name in plan} & {"conversation", "contact", "event", "message"}
    assert read_as_a_whole == set()
    used = {name for plan in plans for name in plan}
    assert used >= {"ix_conversation_lane_last_at", "ix_conversation_unread", "ix_event_sender", "ix_message_recipient"}


_MANY_CONTACTS = """
INSERT INTO contact (lane, recipient, person, wrote_at)
WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
SELECT 'default', CAST(918000000000 + n AS text), 'many_' || n, (SELECT min(wrote_at) FROM contact) FROM n
"""
_MANY_EVENTS = """
INSERT INTO event (lane, identity, about, body, state, at, received_at, due_at, tries, sender)
SELECT event.lane, 'many' || recipient, 'received', '{}', 'folded', at, received_at, due_at, 0, recipient
FROM contact, event WHERE contact.person LIKE 'many%' AND event.id = (SELECT min(id) FROM event)
"""
