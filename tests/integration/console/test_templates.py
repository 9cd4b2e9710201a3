"""The page of templates: bubbles, use and failures by approved name, and the test to one's own number."""

from __future__ import annotations

import re

import pytest

from harkara.ledger.messages.queries import get_status
from harkara.ledger.messages.search import MessageFilter, list_messages
from harkara.ledger.users.acts import list_acts
from harkara.messages import Envelope, Template
from harkara.outcomes import Refused
from harkara.roles import Role
from tests.integration.console.server import FILES, Browser, Server, text_of
from tests.integration.ledger.steps import send_message

NUMBER = "919876543210"
VALUES = {"customer": "Asha", "provider": "Dr Rao", "date": "Monday", "url_suffix": "a1"}
REFUSED = Refused("131026", "Undeliverable", "The number has no WhatsApp.", 400)


@pytest.fixture(scope="module")
def operator(running: Server) -> Browser:
    return running.user("Asha", Role.OPERATOR)


def test_every_kind_of_the_catalogue_is_listed_with_its_bubble(operator: Browser) -> None:
    page = operator.see("/templates")
    shown = text_of(page)
    for name in FILES.plan.catalogue.kinds():
        assert f'href="/console/templates/{name}"' in page.text
        assert operator.see(f"/templates/{name}").status_code == 200
    assert "Thank you" not in shown
    assert '<span class="slot">customer</span>' in page.text
    assert operator.see("/templates/none").status_code == 404


def test_use_and_failures_are_counted_by_approved_name_in_the_lanes_of_the_user(running: Server) -> None:
    db = running.console.db
    for number in range(3):
        for lane in ("default", "shop"):
            send_message(db, message(number, "order_confirmation", lane))
    send_message(db, message(3, "order_confirmation", "shop"), REFUSED)
    viewer, shop = running.user("Ravi"), running.user("Mina", lanes=("default",))
    assert "7 sent in 7 days · 14.3 % failed" in text_of(viewer.see("/templates"))
    page = text_of(viewer.see("/templates/order_confirmation"))
    assert "131026 The number has no WhatsApp." in page
    assert "Send the test" not in page
    for path in ("/templates", "/templates/order_confirmation"):
        shown = text_of(shop.see(path))
        assert "3 sent in 7 days · none failed" in shown
        assert "131026" not in shown


def test_a_test_is_an_ordinary_message_and_an_act(running: Server, operator: Browser) -> None:
    db = running.console.db
    sent = submit(operator, "visit_feedback", to="98765 43210", lane="shop", **VALUES)
    found = re.fullmatch(r"/console/templates/visit_feedback\?done=template.tested&sent=(job_\w+)", sent)
    assert found
    status = get_status(db, found[1])
    assert (status.lane, status.template, status.category) == ("shop", "visit_feedback", "utility")
    assert f'/console/messages/{found[1]}"' in operator.see(sent.removeprefix("/console")).text
    (act,) = list_acts(db, name="Asha", limit=1)
    assert (act.act, act.subject, act.filter) == ("template.tested", "visit_feedback", "to 91••••••3210")


def test_a_form_that_is_sent_twice_sends_one_message(running: Server, operator: Browser) -> None:
    page = operator.see("/templates/cart_reminder").text
    identity = re.search(r'name="id" value="(job_\w+)"', page)
    assert identity
    fields = {"customer": "Asha", "items": "2 shirts", "total": "₹900", "url_suffix": "c1", "opted_in": "yes"}
    fields |= {"to": NUMBER, "lane": "default", "id": identity[1]}
    assert operator.submit("/templates/cart_reminder/test", **fields).status_code == 303
    assert "was sent already" in text_of(operator.submit("/templates/cart_reminder/test", **fields))
    assert len(list_messages(running.console.db, MessageFilter(template="cart_reminder"))) == 1


@pytest.mark.parametrize(
    ("kind", "fields", "field", "problem"),
    [
        ("visit_feedback", {"to": "12"}, "to", "at least 10 digits"),
        ("visit_feedback", {"customer": "  "}, "customer", "must not be blank"),
        ("visit_feedback", {"date": "*Monday*"}, "date", "asterisk"),
        ("visit_feedback", {"url_suffix": "a b"}, "url_suffix", "no space"),
        ("cart_reminder", {"items": "x", "total": "y"}, "opted_in", "agreed to marketing"),
        ("otp_verification", {"code": "12", "minutes": "5", "purpose": "the login"}, "code", "4 to 8 digits"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    running: Server, operator: Browser, kind: str, fields: dict[str, str], field: str, problem: str
) -> None:
    before = list_messages(running.console.db), list_acts(running.console.db)
    page = operator.see(f"/templates/{kind}").text
    identity = re.search(r'name="id" value="(job_\w+)"', page)
    assert identity
    given = {"to": NUMBER, "lane": "default", "id": identity[1]} | VALUES | fields
    refused = operator.submit(f"/templates/{kind}/test", **given)
    assert refused.status_code == 400
    wrong = re.search(r'name="(\w+)"[^>]*aria-invalid="true"', refused.text)
    assert wrong
    assert wrong[1] == field
    assert problem in text_of(refused).split("Test it with your own number")[1]
    assert (list_messages(running.console.db), list_acts(running.console.db)) == before


def test_a_code_is_not_shown_again_and_html_in_a_value_is_text(operator: Browser) -> None:
    html = "<img src=x>"
    wrong = operator.submit("/templates/otp_verification/test", to="1", lane="default", code="482913", purpose=html)
    assert wrong.status_code == 400
    assert "482913" not in wrong.text
    shown = operator.submit("/templates/visit_feedback/test", to="1", lane="default", customer=html).text
    assert html not in shown
    assert "&lt;img" in shown


def test_a_test_goes_only_to_lanes_of_the_user(running: Server) -> None:
    browser = running.user("Lata", Role.OPERATOR, lanes=("shop",))
    page = browser.see("/templates/visit_feedback").text
    assert '<input type="hidden" name="lane" value="shop">' in page
    for lane in ("default", "none", ""):
        browser.see("/templates/visit_feedback")
        assert browser.submit("/templates/visit_feedback/test", to=NUMBER, lane=lane, **VALUES).status_code == 403


def message(number: int, template: str, lane: str) -> Envelope:
    return Envelope(to=f"+9198765{number:05d}", messages=[Template(template, body=["1"])], lane=lane)


def submit(browser: Browser, kind: str, **fields: str) -> str:
    identity = re.search(r'name="id" value="(job_\w+)"', browser.see(f"/templates/{kind}").text)
    assert identity
    answer = browser.submit(f"/templates/{kind}/test", id=identity[1], **fields)
    assert answer.status_code == 303, text_of(answer)
    return answer.headers["location"]
