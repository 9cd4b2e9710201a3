"""The use of a template is read from its newest messages alone, by an index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harkara.ledger.database import Database
from harkara.ledger.messages.template_use import TemplateUse, get_template_use
from harkara.messages import Envelope, Template
from harkara.outcomes import Refused
from tests.integration.ledger.steps import accept_messages, send_message, update_message
from tests.integration.ledger.test_search_plans import explained

REFUSED = Refused("131026", "Undeliverable", "The number has no WhatsApp.", 400)


def message(number: int, template: str = "visit") -> Envelope:
    return Envelope(to=f"+9198765{number:05d}", messages=[Template(template)])


def test_the_newest_messages_are_counted_with_the_last_failure(db: Database) -> None:
    since = datetime.now(UTC) - timedelta(days=7)
    assert get_template_use(db, [], since=since, most=10) == {}
    assert get_template_use(db, ["visit"], since=since, most=10) == {"visit": TemplateUse()}
    first = send_message(db, message(1), REFUSED)
    last = send_message(db, message(2), REFUSED)
    sent = [send_message(db, message(number)) for number in range(3, 6)]
    update_message(db, sent[0], state="cancelled")
    send_message(db, message(6, "other"))
    accept_messages(db, message(7))
    found = get_template_use(db, ["visit", "other", "none"], since=since, most=10)
    visit = found["visit"]
    assert (visit.used, visit.failed, visit.exact, visit.failure_share) == (4, 2, True, 50.0)
    assert visit.last_failure
    assert (visit.last_failure.message_id, visit.last_failure.code) == (last, "131026")
    assert (found["other"].used, found["none"].used) == (1, 0)
    newest = get_template_use(db, ["visit"], since=since, most=4)["visit"]
    assert (newest.used, newest.failed, newest.exact) == (3, 1, False)
    assert get_template_use(db, ["visit"], since=since, most=10, lanes=["shop"])["visit"].used == 0
    later = datetime.now(UTC) + timedelta(days=1)
    assert get_template_use(db, ["visit"], since=later, most=10)["visit"] == TemplateUse()
    assert first < last


def test_one_statement_and_an_index_for_all_names(db: Database) -> None:
    with explained(db) as plans:
        get_template_use(db, [f"template_{number}" for number in range(40)], since=datetime.now(UTC), most=10)
    (plan,) = plans
    assert "message" not in plan
