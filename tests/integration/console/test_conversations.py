"""Conversations: who wrote is seen, read, answered once, and opted out with a proof."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from harkara.console.pages import conversations
from harkara.ledger.conversations.chat import MOST_READ
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.conversations.queries import count_unread
from harkara.ledger.events.process import RETRY_SECONDS
from harkara.ledger.messages.search import list_messages
from harkara.ledger.tables import contact, event
from harkara.ledger.users.acts import list_acts
from harkara.roles import Role
from tests.integration.console.server import Browser, Server, text_of
from tests.integration.ledger import steps
from tests.integration.ledger.bulk import fill
from tests.integration.ledger.webhooks import (
    deliver_webhooks,
    inbound_webhook,
    process_events,
    status_webhook,
    store_webhooks,
)

NUMBER, MASKED = "919876500001", "91••••••0001"
HTML = "<script>alert(1)</script>\"'"


@pytest.fixture(scope="module")
def operator(running: Server) -> Browser:
    return running.user("Meera", Role.OPERATOR)


@pytest.fixture(scope="module")
def viewer(running: Server) -> Browser:
    return running.user("Vikram")


def write(server: Server, words: str, n: int = 1, lane: str = "default", **more: str) -> str:
    """Let the person number `n` write; return the page of the conversation."""
    write.count = getattr(write, "count", 0) + 1  # type: ignore[attr-defined]
    deliver_webhooks(server.console.db, inbound_webhook(words, f"w{write.count}", n, **more), lane=lane)  # type: ignore[attr-defined]
    return f"/conversations/{find_participant(server.console.db, f'9198765{n:05d}', [lane]).id}"


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def test_a_reply_is_sent_once_however_often_its_form_is(running: Server, operator: Browser) -> None:
    path = write(running, "Is it open on Sunday?")
    listed = text_of(operator.see("/conversations"))
    assert "Is it open on Sunday?" in listed
    assert "closes in 23 h 59 min" in listed
    page = operator.see(path)
    assert "Is it open on Sunday?" in text_of(page)
    sent = {"reference": field(page.text, "reference"), "text": "Yes,\r\nuntil nine"}
    for _ in range(2):
        assert operator.submit(f"{path}/reply", **sent).headers["location"].endswith("?done=conversation.replied")
    (one,) = list_messages(running.console.db)
    assert (one.category, one.lane) == ("reply", "default")
    assert [each.act for each in list_acts(running.console.db, name="Meera")][:1] == ["conversation.replied"]
    after = operator.see(path)
    assert "Yes, until nine" in text_of(after)
    assert field(after.text, "reference") != sent["reference"]
    other = operator.submit(f"{path}/reply", **sent | {"text": "No"})
    assert (other.status_code, "This reply was sent already" in text_of(other)) == (400, True)
    wrong = operator.submit(f"{path}/reply", reference="r2", text="*Sale*")
    assert wrong.status_code == 400
    assert ">*Sale*</textarea>" in wrong.text, "what was typed is not lost"


def test_an_operator_reads_and_a_viewer_leaves_no_trace(running: Server, operator: Browser, viewer: Browser) -> None:
    path = write(running, "Anyone?", 2)
    assert "/read" not in viewer.see(path).text
    assert viewer.submit(f"{path}/read").status_code == 403
    assert count_unread(running.console.db, ["default"]).number == 1
    page = operator.see(path)
    assert 'hx-trigger="load"' in page.text
    assert operator.submit(f"{path}/read", revision="9" * 5_000).status_code == 303
    operator.submit(f"{path}/read", revision=field(page.text, "revision"))
    assert count_unread(running.console.db, ["default"]).number == 0
    assert "/read" not in operator.see(path).text
    assert "Everything is read." in text_of(operator.see("/conversations?show=unread"))


def test_a_viewer_sees_no_number_no_code_and_no_composer(running: Server, operator: Browser, viewer: Browser) -> None:
    path = write(running, f"Call me at {NUMBER}")
    steps.send_message(running.console.db, steps.otp(1))
    pages = [viewer.see(path).text, viewer.see("/conversations").text]
    for page in pages:
        assert NUMBER not in page
        assert MASKED in page
        assert "<textarea" not in page
        assert "493817" not in page
    seen = operator.see(path)
    assert NUMBER in seen.text
    assert "493817" not in seen.text


def test_outside_the_window_a_template_is_offered_filled_and_sent(running: Server, operator: Browser) -> None:
    path = write(running, "Thanks", 3)
    with running.console.db.write() as tx:
        tx.execute(update(contact).values(wrote_at=tx.now - timedelta(hours=30)))
    page = operator.see(path)
    assert "The 24-hour window is closed" in text_of(page)
    assert 'name="text"' not in page.text
    page = operator.see(f"{path}?template=visit_feedback")
    names = re.findall(r'<input name="(\w+)" value="" required', page.text)
    values = dict(zip(names, ("Asha", "Dr Rao", "Monday", "a1"), strict=False))
    sent = operator.submit(
        f"{path}/reply", template="visit_feedback", reference=field(page.text, "reference"), **values
    )
    assert sent.status_code == 303, text_of(sent)
    assert list_messages(running.console.db)[0].template == "visit_feedback"
    late = operator.submit(f"{path}/reply", reference="late", text="Yes,\nuntil nine")
    assert late.status_code == 400
    assert re.search("readonly[^>]*>Yes,\nuntil nine</textarea>", late.text), "what was written meanwhile is not lost"


def test_an_opt_out_has_its_proof_and_locks_the_composer(running: Server, operator: Browser) -> None:
    path = write(running, "Hello", 4)
    assert "proof" in text_of(operator.submit(f"{path}/opt-out", category="everything", proof=" "))
    done = operator.submit(f"{path}/opt-out", category="everything", proof=f"{HTML} by telephone")
    assert done.headers["location"].endswith("?done=contact.opted-out")
    page = operator.see(path)
    assert "Wants no more messages." in text_of(page)
    assert "Opted out of all messages, recorded by an operator" in text_of(page)
    assert "<script>alert" not in page.text
    assert 'name="text"' not in page.text
    assert operator.submit(f"{path}/opt-out", category="all").status_code == 400


def test_people_are_found_by_number_in_the_form_and_html_is_text(running: Server, operator: Browser) -> None:
    write(running, HTML, 5)
    found = operator.submit("/conversations", search="98765 00005")
    assert "919876500005" in found.text
    assert "919876500004" not in found.text
    assert "<script>alert" not in found.text
    assert "among the newest 10,000 conversations" in text_of(found)
    missed = text_of(operator.submit("/conversations", search="unknown"))
    assert "No customer with this number or name" in missed
    assert "among the newest 10,000 conversations" in missed
    assert operator.submit("/conversations", search="12").status_code == 400


def test_the_older_ones_of_a_search_match_too(
    running: Server, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "ROWS", 1)
    for words, n, name in (("First", 31, "Asha"), ("Second", 32, "Ravi"), ("Third", 33, "Asha")):
        write(running, words, n, profile_name=name)
    newest = operator.submit("/conversations", search="Asha")
    assert "Third" in text_of(newest)
    older = operator.submit("/conversations", search="Asha", before=field(newest.text, "before"))
    assert "First" in text_of(older)


def test_a_chat_with_more_messages_than_it_shows_says_so_at_its_end(running: Server, operator: Browser) -> None:
    path = write(running, "Hello", 9)
    fill(running.console.db, steps.send_message(running.console.db, steps.reply(9)), MOST_READ)
    first = operator.see(path)
    assert "newest 500 messages" not in text_of(first)
    refused = operator.submit(f"{path}/reply", text="")
    earlier = re.search(r'href="/console[^"?]+(\?before=[^"]+)"', refused.text)
    assert earlier
    assert "A chat shows the newest 500 messages to a person." in text_of(operator.see(path + earlier[1]))


def test_a_user_of_one_lane_sees_no_other(running: Server, operator: Browser) -> None:
    shop = running.user("Ravi", Role.OPERATOR, ("shop",))
    path = write(running, "Hello", 6)
    assert "Hello" not in text_of(shop.see("/conversations"))
    assert shop.see(path).status_code == 404
    for form in ("reply", "read", "opt-out"):
        assert shop.submit(f"{path}/{form}", text="x", category="everything", proof="x").status_code == 404
    assert operator.see(path).status_code == 200
    for wrong in ("/conversations/919876500006", "/conversations/person_none"):
        assert operator.see(wrong).status_code == 404
    for wrong in (f"{path}?before=x", f"{path}?before=2026-01-01", "/conversations?before=x"):
        assert operator.see(wrong).status_code == 400


def test_what_staff_type_in_the_dashboard_is_a_reply_of_a_person(running: Server, operator: Browser) -> None:
    path = write(running, "Until when?", 8)
    typed = {"message": {"type": "text", "text": f"Until nine {HTML}"}}
    store_webhooks(running.console.db, status_webhook(running.console.db, "sent", "wamid.typed", 8, **typed))
    with running.console.db.write() as tx:
        tx.execute(update(event).where(event.c.about == "sent").values(tries=len(RETRY_SECONDS)))
    process_events(running.console.db)
    page = operator.see(path)
    assert "Until nine" in text_of(page)
    assert "A person wrote this in Chat Mitra's dashboard." in text_of(page)
    assert "<script>alert" not in page.text


def test_what_an_answer_did_is_in_the_chat_by_day(running: Server, operator: Browser) -> None:
    path = write(running, "YES", 7)
    sent = steps.send_message(running.console.db, steps.reply(7))
    steps.update_message(running.console.db, sent, answer="confirmed")
    page = operator.see(path)
    assert "The customer confirmed." in text_of(page)
    assert page.text.count('class="day"') == 1
