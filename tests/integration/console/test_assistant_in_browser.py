"""The assistant in Chromium: a draft arrives, is edited, sent and seen at the stand-in; take over, give back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from harkara.ledger.conversations.people import find_participant
from harkara.ledger.database import Database
from harkara.roles import Role
from harness.valkey import ValkeyServer
from tests.integration.console.in_browser import PHONE, Open, fits, press, signed_in, violations
from tests.integration.console.server import FILES, Server, console_of, serve
from tests.integration.delivery.running import running_sender
from tests.integration.ledger.turns import ANSWER, ASHA, DRAFTS, answer, answers_of, row_of, wrote
from tests.integration.sandbox.process import Sandbox

pytestmark = pytest.mark.browser


@pytest.fixture
def server(ledger: Database) -> Iterator[Server]:
    with serve(console_of(ledger, files=lambda: replace(FILES, assistant=DRAFTS))) as server:
        yield server


def opened(server: Server, page: Any) -> Any:
    """Let a customer ask, and open the conversation as an operator."""
    wrote(server.console.db, "When do you open?", rules=DRAFTS)
    signed_in(server, page, role=Role.OPERATOR)
    page.clock.install()  # the page asks for news every 10 seconds
    page.goto(f"/console/conversations/{find_participant(server.console.db, ASHA).id}")
    page.wait_for_selector("text=The assistant writes drafts here")
    return page


def test_a_draft_arrives_is_edited_and_sent_and_the_customer_gets_it(
    server: Server, open_page: Open, sandbox: Sandbox, valkey_server: ValkeyServer
) -> None:
    db = server.console.db
    page = opened(server, open_page(viewport=PHONE, is_mobile=True, has_touch=True))
    page.fill(".composer textarea", "I am looking it up")
    answer(db, ANSWER, DRAFTS)
    page.clock.fast_forward(11_000)
    page.wait_for_selector("#news >> text=There is a new draft of the assistant.")
    assert page.input_value(".composer textarea") == "I am looking it up", "what is being typed stays"
    page.tap("#news a")
    page.wait_for_selector("#draft textarea >> nth=1")
    first, second = page.query_selector_all("#draft textarea")
    assert (first.input_value(), second.input_value()) == ANSWER.texts
    assert (fits(page), violations(page)) == (True, [])
    first.fill("We open at ten.")
    second.fill("")
    page.tap("#draft button:has-text('Send the draft')")
    page.wait_for_selector("text=Done: draft of the assistant sent.")
    assert page.query_selector("#draft") is None
    with running_sender(db, sandbox, valkey_server.url, assistant=DRAFTS) as sender:
        sender.send([each["id"] for each in answers_of(db)])
    assert (sandbox.last()["body"]["message"], sandbox.last()["accepted"]) == ("We open at ten.", True)
    page.reload()
    page.wait_for_selector("text=Draft of the assistant, edited and sent by Asha")


def test_a_person_takes_over_and_gives_back_by_keyboard(server: Server, open_page: Open) -> None:
    db = server.console.db
    page = opened(server, open_page())
    page.focus("#assign")
    press(page, "Enter")
    page.wait_for_selector("text=A person answers here until")
    assert row_of(db)["mode"] == "person"
    assert violations(page) == []
    page.focus("#give-back")
    page.clock.fast_forward(11_000)
    page.wait_for_function("document.activeElement.id === 'give-back'")
    press(page, "Enter")
    page.wait_for_selector("text=Done: conversation given back to the assistant.")
    page.wait_for_selector("text=The assistant writes drafts here")
    assert row_of(db)["mode"] == "assistant"
