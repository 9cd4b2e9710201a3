"""Customers' messages reach the ledger and the application, and decide what is still sent to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from harkara import Envelope, Template, Text
from harkara.inbound.contact import UNKNOWN_CONTACT, ContactState
from harkara.inbound.window import ARRIVAL, LENGTH
from harkara.ledger import tables
from harkara.ledger.contacts.contacts import load_contacts
from harness.ledger import copied_ledger
from harness.ports import free_port
from harness.postgres import PostgresServer
from harness.valkey import valkey
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.http_client import API_TOKENS, request, send
from tests.acceptance.messages import new_message
from tests.integration.callbacks.application import SECRET, Application, listening

SETTINGS = {
    **API_TOKENS,
    "CHATMITRA_WEBHOOK_SECRET": "secret-of-the-webhooks",
    "HARKARA_CALLBACK_SECRET": SECRET,
    "HARKARA_CALLBACK_PRIVATE": "True",
    "SANDBOX_READ_AFTER_MS": "200",
}
APPOINTMENT = {
    "doctor": "Dr. Rao",
    "place": "Room 2",
    "duration": "20 minutes",
    "helpline": "080 1234 5678",
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def harkara(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, application: Application
) -> Iterator[Deployment]:
    """One deployment for all tests, each of which has its own customers."""
    folder = tmp_path_factory.mktemp("customers")
    server: PostgresServer | None = None if request.param == "sqlite" else request.getfixturevalue("postgres_server")
    url = copied_ledger(server) if server else f"sqlite:///{folder / 'harkara.db'}"
    with valkey() as redis, deployment(folder, redis, url, HARKARA_CALLBACK_URL=application.url, **SETTINGS) as running:
        running.start_web()
        running.start_worker()
        yield running


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    with listening(Application(port=free_port())) as one:
        yield one


def test_a_waiting_message_is_cancelled_when_its_recipient_opts_out(
    harkara: Deployment, application: Application
) -> None:
    to = new_message().to
    harkara.sandbox.write_as_customer(to, text="Is my order there?")
    waiting = send(harkara.web, Envelope(to=to, messages=[Text("Your order is here.")], at=soon(3600)))
    harkara.sandbox.write_as_customer(to, text="STOP")
    harkara.wait_until(lambda: state(harkara, waiting) == ("cancelled", "opted-out"), "it is cancelled")
    other = send(harkara.web, new_message())
    harkara.wait_until(lambda: state(harkara, other) == ("read", None), "another customer's is read")
    assert harkara.sandbox.requests(to) == []
    assert wait_callback(harkara, application, "contact.opted-out", to)["category"] == "everything"


def test_a_message_whose_window_closes_while_it_waits_is_sent_as_its_fallback(harkara: Deployment) -> None:
    to, left = new_message().to, timedelta(minutes=5)
    harkara.sandbox.write_as_customer(to, text="Hello?", seconds_ago=(LENGTH - ARRIVAL - left).total_seconds())
    harkara.wait_until(lambda: contact(harkara, to).wrote_at, "the customer is known")
    now = send(harkara.web, Envelope(to=to, messages=[Text("Good morning!")]))
    words, instead = [Text("Are you still there?")], Template("write_to_us")
    late = send(harkara.web, Envelope(to=to, messages=words, fallback=instead, at=soon(3600)))
    harkara.wait_until(lambda: state(harkara, now) == ("read", None), "the first is read")
    let_pass(harkara, to, late, left)
    harkara.wait_until(lambda: state(harkara, late) == ("read", None), "the second is read")
    first, second = harkara.sandbox.requests(to)
    assert first["body"]["message"] == "Good morning!"
    assert second["body"]["messages"] == [instead.wire()]
    assert harkara.status(late)["flags"] == ["fallback"]


def test_a_failure_for_the_window_that_a_webhook_reports_sends_the_fallback_once(harkara: Deployment) -> None:
    """Harkara believes the window open, and WhatsApp does not."""
    to, instead = new_message().to, Template("write_to_us")
    harkara.open_windows([to])
    harkara.sandbox.set_faults(window=True, webhook_duplicate_share=1)
    sent = send(harkara.web, Envelope(to=to, messages=[Text("Your table is ready.")], fallback=instead))
    harkara.wait_until(lambda: state(harkara, sent) == ("read", None), "it is read")
    harkara.wait_until(lambda: harkara.sandbox.has_sent_all_events, "the sandbox has sent all events")
    harkara.sandbox.reset_faults()
    first, second = harkara.sandbox.requests(to)
    assert first["body"]["message"] == "Your table is ready."
    assert second["body"]["messages"] == [instead.wire()]
    assert harkara.status(sent)["flags"] == ["fallback"]


def test_whatever_customers_say_reaches_the_application(harkara: Deployment, application: Application) -> None:
    flow = {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": '{"slot":"6"}'}}}
    picture = {"type": "image", "image": {"id": "1", "caption": "Please stop"}}
    answering, leaving, choosing = (new_message().to for _ in range(3))
    harkara.sandbox.write_as_customer(answering, message=flow)
    harkara.sandbox.write_as_customer(leaving, message=picture)
    harkara.sandbox.choose_marketing(choosing, "stop")
    assert wait_callback(harkara, application, "message.received", answering)["content"] == flow
    received = wait_callback(harkara, application, "message.received", leaving)
    assert (received["text"], received["content"]) == ("Please stop", picture)
    assert wait_callback(harkara, application, "contact.opted-out", leaving)["category"] == "everything"
    assert wait_callback(harkara, application, "contact.opted-out", choosing)["category"] == "marketing"


def test_replies_to_an_open_reminder_concern_it_and_opt_out_no_customer(
    harkara: Deployment, application: Application
) -> None:
    coming, cancelling = new_message().to, new_message().to
    for to in (coming, cancelling):
        visit = {"to": to, "at": soon(3600).isoformat(), "parameters": APPOINTMENT}
        request(f"{harkara.web}/occasions/appointment/{to}", visit, method="PUT")
    harkara.wait_until(lambda: reminded(harkara, coming) and reminded(harkara, cancelling), "both reminders are read")
    harkara.sandbox.write_as_customer(coming, reply_id="CONFIRM", title="Confirm")
    harkara.sandbox.write_as_customer(cancelling, text="Cancel")
    for to, kind in ((coming, "reminder.confirmed"), (cancelling, "reminder.cancelled")):
        assert wait_callback(harkara, application, kind, to)["occasion"] == {"kind": "appointment", "reference": to}
        assert contact(harkara, to).stopped is None
    answer = send(harkara.web, Envelope(to=cancelling, messages=[Text("We cancelled it.")]))
    harkara.wait_until(lambda: state(harkara, answer) == ("read", None), "it is read")
    assert application.refused == 0


def let_pass(harkara: Deployment, customer: str, waiting: Envelope, time: timedelta) -> None:
    """Let the customer's last message be so much older, and the waiting message be due."""
    wrote_at = contact(harkara, customer).wrote_at
    assert wrote_at
    with harkara.ledger.write() as tx:
        tx.execute(
            update(tables.contact).where(tables.contact.c.recipient == customer).values(wrote_at=wrote_at - time)
        )
        tx.execute(update(tables.message).where(tables.message.c.id == waiting.id).values(due_at=tx.now))


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def state(harkara: Deployment, sent: Envelope) -> tuple[str, str | None]:
    """Return its state and the code of the reason."""
    found = harkara.status(sent)
    return found["state"], found["code"]


def contact(harkara: Deployment, number: str) -> ContactState:
    with harkara.ledger.read() as tx:
        return load_contacts(tx, [("default", number)]).get(("default", number), UNKNOWN_CONTACT)


def reminded(harkara: Deployment, reference: str) -> bool:
    found = request(f"{harkara.web}/occasions/appointment/{reference}")
    return [each["state"] for each in found["reminders"]] == ["read"]


def wait_callback(harkara: Deployment, application: Application, kind: str, number: str) -> dict[str, Any]:
    """Wait for the one callback of this kind about this number; return its data."""

    def callbacks() -> list[dict[str, Any]]:
        with application.lock:
            return [
                one["data"] for one in application.payloads if one["type"] == kind and one["data"]["from"] == number
            ]

    harkara.wait_until(callbacks, f"the application receives {kind}")
    (data,) = callbacks()
    return data
