"""The proof of delivery in the console: the page to print, and the file that the command checks."""

from __future__ import annotations

import re

from sqlalchemy import update

from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.database import Database
from harkara.ledger.tables import message
from harkara.ledger.users.acts import list_acts
from harkara.messages import Envelope, Template
from harkara.proof import verify_proof
from harkara.roles import Role
from tests.integration.console.server import Browser, Server, text_of
from tests.integration.ledger.people import choice
from tests.integration.ledger.steps import accept_messages, otp, send_message
from tests.integration.ledger.webhooks import deliver_webhooks, status_webhook

NUMBER = "919876543210"
NAME = "रवि क्षेत्रज्ञ"
ORDER = Template("order_confirmation", body=[NAME, "1042"], category="utility")


def order(db: Database, reference: str) -> str:
    return send_message(db, Envelope(to=NUMBER, messages=[ORDER], reference=reference))


def test_an_operator_reads_the_proof_and_downloads_the_file_that_has_its_digest(
    operator: Browser, users: dict[Role, Browser], db: Database
) -> None:
    identity = order(db, "order-1042")
    deliver_webhooks(db, status_webhook(db, "read"))
    record_consent(db, "default", [choice(NUMBER, "opt-in", "marketing")])
    path = f"/messages/{identity}/proof"
    assert f'href="/console{path}"' in operator.see(f"/messages/{identity}").text
    assert "/proof" not in users[Role.VIEWER].see(f"/messages/{identity}").text
    page = operator.see(path)
    for expected in (NUMBER, "order-1042", NAME, "Agreed to marketing, ", "Chat Mitra accepted it.", "Form"):
        assert expected in text_of(page), expected
    before = len(list_acts(db))
    file = operator.submit(path)
    assert file.headers["content-disposition"] == f'attachment; filename="proof-{identity}.json"'
    proof = verify_proof(file.content)
    assert proof["digest"] in page.text
    assert NAME in proof["head"]["texts"][0]["body"]
    (act, *others) = list_acts(db)
    assert (act.name, act.act, act.subject, len(others)) == ("operator", "proof.downloaded", identity, before)
    hindi = operator.see(path, **{"Accept-Language": "hi"}).text
    assert "पहुँचने का प्रमाण" in hindi
    assert NAME in hindi


def test_the_proof_has_no_code_no_message_of_other_lanes_and_says_what_is_erased(
    running: Server, operator: Browser, db: Database
) -> None:
    (code,) = accept_messages(db, otp(7))
    page = operator.see(f"/messages/{code}/proof")
    assert "The text is erased." in text_of(page)
    assert "Nothing has happened to it yet." in text_of(page)
    assert re.search("(?<!\\d)493817(?!\\d)", page.text + operator.submit(f"/messages/{code}/proof").text) is None
    erased = order(db, "order-7")
    with db.write() as tx:
        tx.execute(update(message).where(message.c.id == erased).values(body=None, recipient=None))
    assert "The text is erased." in text_of(operator.see(f"/messages/{erased}/proof"))
    ravi = running.user("Ravi", Role.OPERATOR, ("shop",))
    assert ravi.see(f"/messages/{erased}/proof").status_code == 404
    assert ravi.submit(f"/messages/{erased}/proof").status_code == 404
