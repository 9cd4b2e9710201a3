"""The pages of messages: found, explained, decided about together or alone, and what a viewer does not see."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from harkara.ledger.database import Database
from harkara.ledger.halts import park
from harkara.ledger.messages.listing import MOST_READ
from harkara.ledger.messages.queries import find_id
from harkara.ledger.users.acts import RecordedAct, list_acts
from harkara.messages import Envelope, Text
from harkara.outcomes import Refused
from harkara.roles import Role
from harness.ledger import open_ledger
from tests.integration.console.server import Browser, Server, console_of, serve, text_of
from tests.integration.ledger.bulk import fill
from tests.integration.ledger.campaigns import load_campaign
from tests.integration.ledger.steps import (
    LOST,
    PARKED,
    accept_messages,
    marketing,
    otp,
    row,
    send_message,
    states_of,
    update_message,
)

REFUSED = Refused("131000", "Something went wrong", "Send it again.", 400)
NUMBER = "919876543210"
MASKED = "91••••••3210"


def text(reference: str, to: str = NUMBER, body: str = "Your table is ready", **other: object) -> Envelope:
    return Envelope(to=to, messages=[Text(body)], reference=reference, **other)  # type: ignore[arg-type]


def follow(browser: Browser, path: str, **fields: str) -> str:
    """Send a form, and return the page of the redirect as text."""
    answer = browser.submit(path, **fields)
    assert answer.status_code == 303
    return text_of(browser.see(answer.headers["location"].removeprefix("/console")))


def do(browser: Browser, path: str) -> str:
    """Open a preview and do its act; return the page behind it as text."""
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', browser.see(path).text)
    return follow(browser, "/messages/act", **{name: unescape(value) for name, value in fields if name != "token"})


def last_act(db: Database) -> RecordedAct:
    return list_acts(db, limit=1)[0]


def test_the_list_says_what_a_message_is_before_there_is_one(tmp_path: Path) -> None:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}") as empty, serve(console_of(empty)) as server:
        assert "No message has been handed over yet." in text_of(server.user("Vik").see("/messages"))


def test_one_field_finds_a_number_a_reference_and_an_id_and_no_address_has_the_number(
    operator: Browser, db: Database
) -> None:
    accept_messages(db, text("visit-1"), text("visit-2", to="919811111111"))
    identity = find_id(db, "visit-1")
    operator.see("/messages")
    for words in ("98765 43210", "+91 9876543210", "visit-1", identity):
        answer = operator.submit("/messages/search", find=words, state="waiting")
        location = answer.headers["location"]
        assert "9876543210" not in location
        page = text_of(operator.see(location.removeprefix("/console")))
        assert ("visit-1" in page, "visit-2" in page, NUMBER in page) == (True, False, True)
    missing = operator.submit("/messages/search", find="98765 00000", state="waiting")
    assert 'href="/console/messages?"' in missing.text, "to remove the filter"
    assert (missing.status_code, "No message has this number" in text_of(missing)) == (404, True)


def test_a_viewer_sees_numbers_masked_and_showing_one_is_an_act(viewer: Browser, db: Database) -> None:
    accept_messages(db, text("visit-3", body=f"Call {NUMBER}"))
    identity = find_id(db, "visit-3")
    listed, page = viewer.see("/messages?reference=visit-3"), viewer.see(f"/messages/{identity}")
    for each in (listed, page, viewer.see("/messages/why")):
        assert NUMBER not in each.text
        assert "/messages/preview" not in each.text
    assert MASKED in text_of(listed)
    assert f"Call {MASKED}" in text_of(page)
    shown = viewer.submit(f"/messages/{identity}/number")
    assert f"Message to {NUMBER}" in text_of(shown)
    entry = last_act(db)
    assert (entry.name, entry.act, entry.subject) == ("viewer", "number.shown", identity)


def test_the_text_of_a_one_time_code_is_never_shown(users: dict[Role, Browser], db: Database) -> None:
    (identity,) = accept_messages(db, otp(7))
    assert "493817" in row(db, identity)["body"]
    for browser in users.values():
        assert "493817" not in browser.see(f"/messages/{identity}").text.replace(identity, "")


def test_reasons_cover_the_whole_result_with_what_helps(operator: Browser, db: Database) -> None:
    send_message(db, marketing(1, reference="why-1"), LOST)
    send_message(db, marketing(2, reference="why-2"), REFUSED)
    send_message(db, marketing(3, reference="why-3"), PARKED)
    page = operator.see("/messages/why")
    hindi = text_of(operator.see("/messages/why", **{"Accept-Language": "hi"}))
    assert "अनिश्चित, उत्तर नहीं मिला" in hindi
    words = text_of(page)
    assert "uncertain, answer lost" in words
    assert "1 failed: Send it again." in words
    assert "state=failed&amp;lane=default&amp;code=131000&amp;act=resend" in page.text
    assert "state=uncertain&amp;lane=default&amp;code=read-timeout&amp;act=sent" in page.text
    listed = operator.see("/messages?state=failed&code=131000")
    assert "why-2" in text_of(listed)
    assert "why-1" not in text_of(listed)
    assert "Send it again. Chat Mitra said: Something went wrong 131000" in text_of(listed)
    assert 'hx-get="/console/messages/why?state=failed&amp;code=131000"' in listed.text


def test_an_act_is_done_on_exactly_what_its_page_showed(operator: Browser, db: Database) -> None:
    ids = [send_message(db, marketing(n, reference=f"again-me-{n}"), REFUSED) for n in range(20, 32)]
    path = "/messages/preview?state=failed&code=131000&act=resend"
    page = text_of(operator.see(path))
    number = re.search(r"Send messages once more: (\d+)", page)
    assert number
    count = int(number[1])
    assert count >= len(ids)
    assert "Cost at most, at the prices for India ₹" in page
    assert f"Other messages of the lane wait longer by at most {count} seconds" in page
    assert page.count("again-me-") == 10
    done = do(operator, path)
    assert "Done: messages sent once more. Messages Find a message" in done
    assert f"{count} messages were changed." in done
    entry = last_act(db)
    assert (entry.name, entry.act, entry.number) == ("operator", "messages.resent", count)
    assert entry.filter == "state failed, code 131000"


def test_of_two_operators_on_one_set_the_second_gets_a_sentence(users: dict[Role, Browser], db: Database) -> None:
    ids = accept_messages(db, *(text(f"both-{n}") for n in range(3)))
    path = "/messages/preview?state=waiting&since=2020-01-01T00:00&act=cancel"
    first, second = users[Role.OPERATOR], users[Role.ADMIN]
    found = [re.search(r'name="set" value="([^"]+)"', each.see(path).text) for each in (first, second)]
    fields = {"state": "waiting", "since": "2020-01-01T00:00", "act": "cancel"}
    sets = [each[1] for each in found if each]
    assert first.submit("/messages/act", set=sets[0], **fields).status_code == 303
    before = len(list_acts(db))
    late = second.submit("/messages/act", set=sets[1], **fields)
    assert late.status_code == 409
    assert "Nothing was done, since these messages have changed meanwhile." in text_of(late)
    assert states_of(db, ids) == ["cancelled"] * 3
    assert (last_act(db).name, len(list_acts(db))) == ("operator", before)


def test_one_message_is_cancelled_resolved_and_sent_again_from_its_page(operator: Browser, db: Database) -> None:
    (waiting,) = accept_messages(db, text("one-1"))
    lost, failed = send_message(db, marketing(41), LOST), send_message(db, marketing(42), REFUSED)
    for identity, act, label, state in (
        (waiting, "cancel", "Cancel", "cancelled"),
        (lost, "sent", "It arrived", "accepted"),
        (failed, "resend", "Send once more", "failed"),
    ):
        page = operator.see(f"/messages/{identity}")
        assert label in text_of(page)
        path = re.search(rf'href="/console(/messages/preview\?[^"]*act={act})"', page.text)
        assert path
        assert "Done: messages" in do(operator, unescape(path[1]))
        assert row(db, identity)["state"] == state
        assert last_act(db).subject == identity
    assert row(db, find_id(db, f"again-{failed}"))["state"] == "waiting"


def test_the_page_of_a_message_says_what_happened_and_what_happens_next(operator: Browser, db: Database) -> None:
    lost = send_message(db, marketing(51), LOST)
    page = text_of(operator.see(f"/messages/{lost}"))
    for expected in (
        "Handed over and stored.",
        "Every gate passed it, and it was sent to Chat Mitra.",
        "Whether it arrived is not known.",
        "Ask the recipient whether it arrived, then decide",
    ):
        assert expected in page
    (held,) = accept_messages(db, text("parked-1", lane="shop"))
    park(db, "shop", "The number is wrong.")
    page = text_of(operator.see(f"/messages/{held}"))
    assert "Lane shop is parked: The number is wrong." in page
    assert "harkara lanes unpark" not in page
    assert "Open the lane" in text_of(operator.see("/messages/why?lane=shop"))


def test_a_user_sees_and_decides_about_messages_of_their_lanes_alone(running: Server, db: Database) -> None:
    (identity,) = accept_messages(db, text("lanes-1"))
    ravi = running.user("Ravi", Role.OPERATOR, ("shop",))
    assert "No message matches." in text_of(ravi.see("/messages?reference=lanes-1"))
    assert ravi.see(f"/messages/{identity}").status_code == 404
    assert "Nothing to do" in text_of(ravi.see(f"/messages/preview?id={identity}&act=cancel"))
    ravi.see("/messages")
    assert ravi.submit("/messages/search", find="lanes-1").status_code == 404
    assert ravi.submit(f"/messages/{identity}/number").status_code == 404
    assert ravi.submit("/messages/act", id=identity, act="cancel", set="1-x").status_code == 409
    assert row(db, identity)["state"] == "waiting"


def test_older_messages_are_on_further_pages(viewer: Browser, db: Database) -> None:
    accept_messages(db, *(text(f"page-{n}", to="919822222222") for n in range(51)))
    first = viewer.see("/messages")
    older = re.search(r'href="(\?before=[^"]+)"', first.text)
    assert older
    assert "page-0 " not in text_of(first)
    assert "page-0 " in text_of(viewer.see(f"/messages{unescape(older[1])}"))


def test_a_page_that_has_read_enough_offers_to_search_older_messages(tmp_path: Path) -> None:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}") as many, serve(console_of(many)) as server:
        (newest,) = accept_messages(many, text("newest"))
        fill(many, newest, MOST_READ)
        update_message(many, "copy1", lane="shop", reference="oldest")
        viewer = server.user("Vik")
        page = viewer.see("/messages?lane=shop")
        assert "10,000 messages were searched. Older ones may match, too. Search older messages" in text_of(page)
        assert "No message matches." not in text_of(page)
        older = re.search(r'href="(\?[^"]*before=[^"]+)"', page.text)
        assert older
        last = text_of(viewer.see(f"/messages{unescape(older[1])}"))
    assert ("oldest" in last, "were searched" in last) == (True, False)


def test_links_of_other_pages_show_their_rows(operator: Browser, db: Database) -> None:
    load_campaign(db, 2, "diwali")
    page = text_of(operator.see("/messages?campaign=diwali&state=waiting&state=queued"))
    assert "Campaign: diwali" in page
    assert page.count("sale") == 2
    reasons = operator.see("/messages/why?campaign=diwali")
    assert re.search(r'href="/console/campaigns/camp_\w+">Open the campaign', reasons.text)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("campaign=none", 400, "no campaign has this id or name"),
        ("occasion=visit", 400, "occasion: must be its kind"),
        ("state=lost", 400, "state: is not known"),
        ("since=yesterday", 400, "since: choose a day and a time"),
        ("since=0001-01-01T00:00", 400, "since: choose a day and a time"),
        ("code=%00", 200, "Messages"),
        ("like=job_none", 200, "No message matches."),
        ("reference=<script>alert(1)</script>", 200, "Reference: <script>alert(1)</script>"),
    ],
)
def test_a_wrong_filter_is_named(operator: Browser, query: str, status: int, words: str) -> None:
    page = operator.see(f"/messages?{query}")
    assert (page.status_code, words in text_of(page)) == (status, True)
    assert "<script>alert" not in page.text


def test_an_act_without_a_filter_or_of_an_unknown_kind_is_refused(operator: Browser, db: Database) -> None:
    empty = operator.see("/messages/preview?act=cancel")
    assert (empty.status_code, "filter: is empty" in text_of(empty)) == (400, True)
    assert operator.see("/messages/preview?act=erase&state=failed").status_code == 400
    assert operator.submit("/messages/act", act="cancel", set="1-x").status_code == 400
