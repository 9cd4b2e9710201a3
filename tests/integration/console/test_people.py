"""The page about one person: what is known, the file for them, and the erasure."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest

from harkara.ledger.database import Database
from harkara.ledger.personal.receipt import digest_of
from harkara.ledger.users.acts import list_acts
from harkara.messages import Envelope, Text
from harkara.roles import Role
from tests.integration.console.server import Browser, Server, text_of

NUMBER = "919876543210"
WRITTEN = "+91 98765 43210"


@pytest.fixture
def admin(server: Server) -> Browser:
    browser = server.user("Asha", Role.ADMIN)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    server.console.backend.enqueue([Envelope(to=NUMBER, messages=[Text("Hello Ravi")], at=tomorrow)])
    browser.see("/people")
    return browser


def test_what_is_known_about_a_person_is_counted_and_downloaded(admin: Browser, ledger: Database) -> None:
    assert "message 1" in text_of(admin.submit("/people", number=WRITTEN))
    file = admin.submit("/people/export", number=WRITTEN)
    assert file.headers["content-disposition"] == 'attachment; filename="person.json"'
    assert file.json()["tables"]["message"][0]["recipient"] == NUMBER
    (act, *_) = list_acts(ledger)
    assert (act.act, act.name, act.subject) == ("person.exported", "Asha", "")


def test_an_erasure_is_confirmed_by_a_word_and_shows_its_receipt(admin: Browser, ledger: Database) -> None:
    refused = admin.submit("/people/erase", number=WRITTEN, confirmation="yes")
    assert (refused.status_code, "aria-invalid" in refused.text, "message 1" in text_of(refused)) == (400, True, True)
    erased = admin.submit("/people/erase", number=WRITTEN, confirmation="Erase")
    assert "1 cancelled" in text_of(erased)
    assert NUMBER not in erased.text
    link = re.search(r'href="data:application/json;charset=utf-8,([^"]+)"', erased.text)
    assert link
    receipt = json.loads(unquote(link[1]))
    assert (receipt["by"], receipt["digest"]) == ("Asha", digest_of(receipt))
    assert "knows nothing" in text_of(admin.submit("/people", number=WRITTEN))
    (act, *_) = list_acts(ledger)
    assert (act.act, act.name, act.subject) == ("person.erased", "Asha", receipt["person"])


@pytest.mark.parametrize("number", ["", "12", "x" * 60, "\x00", "<script>alert(1)</script>"])
@pytest.mark.parametrize("path", ["/people", "/people/export", "/people/erase"])
def test_a_wrong_number_is_named_and_not_repeated(admin: Browser, path: str, number: str) -> None:
    page = admin.submit(path, number=number, confirmation="erase")
    assert page.status_code == 400
    assert 'role="alert"' in page.text
    assert "<script>alert" not in page.text


def test_nothing_about_a_stranger_is_no_error_to_find_and_no_file(admin: Browser) -> None:
    assert "knows nothing" in text_of(admin.submit("/people", number="919876543299"))
    assert admin.submit("/people/export", number="919876543299").status_code == 400
