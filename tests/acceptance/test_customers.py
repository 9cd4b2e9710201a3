"""What customers write reaches the ledger and the application as deployed, and decides what is still sent to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harkara import Envelope, Template, Text
from harkara.inbound.contact import NOBODY, Contact
from harkara.inbound.window import ARRIVAL, LENGTH
from harkara.ledger.contacts.contacts import known
from harness.ports import free_port
from harness.postgres import PostgresServer
from harness.valkey import valkey
from tests.acceptance.caller import DOOR, call, post
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.mail import mail
from tests.integration.test_callbacks import SECRET, Application, listening

SETTINGS = {
    **DOOR,
    "CHATMITRA_WEBHOOK_SECRET": "secret-of-the-webhooks",
    "HARKARA_CALLBACK_SECRET": SECRET,
    "HARKARA_CALLBACK_PRIVATE": "True",
    "SANDBOX_READ_AFTER_MS": "200",
}
APPOINTMENT = {
    "doctor": "Dr. Rao",
    "date": "26 November",
    "time": "5 pm",
    "place": "Room 2",
    "duration": "20 minutes",
    "helpline": "080 1234 5678",
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def harkara(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, application: Application
) -> Iterator[Deployment]:
    """One for all tests here, each of which has customers of its own."""
    folder = tmp_path_factory.mktemp("customers")
    server: PostgresServer | None = None if request.param == "sqlite" else request.getfixturevalue("postgres_server")
    url = server.create_database("customers") if server else f"sqlite:///{folder / 'harkara.db'}"
    with valkey() as redis, deployment(folder, redis, url, HARKARA_CALLBACK_URL=application.url, **SETTINGS) as one:
        one.start_web()
        one.start_worker()
        yield one


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    with listening(Application(port=free_port())) as one:
        yield one


def test_who_writes_stop_while_a_message_waits_is_not_sent_it(harkara: Deployment, application: Application) -> None:
    to = mail().to
    harkara.sandbox.customer(to, text="Is my order there?")
    waits = post(harkara.web, Envelope(to=to, messages=[Text("Your order is here.")], at=soon(8)))
    harkara.sandbox.customer(to, text="STOP")
    harkara.wait(lambda: state(harkara, waits) == ("cancelled", "opted-out"), "it is cancelled")
    after = post(harkara.web, mail(at=soon(9)))
    harkara.wait(lambda: state(harkara, after) == ("read", None), "one that was due later is read")
    assert harkara.sandbox.requests(to) == []
    assert wait_told(harkara, application, "contact.opted-out", to)["category"] == "everything"


def test_a_message_whose_window_closes_while_it_waits_goes_as_its_fallback(harkara: Deployment) -> None:
    to, left = mail().to, 8.0
    harkara.sandbox.customer(to, text="Hello?", seconds_ago=(LENGTH - ARRIVAL).total_seconds() - left)
    harkara.wait(lambda: contact(harkara, to).wrote_at, "the customer is known")
    now = post(harkara.web, Envelope(to=to, messages=[Text("Good morning!")]))
    words, instead = [Text("Are you still there?")], Template("write_to_us")
    late = post(harkara.web, Envelope(to=to, messages=words, fallback=instead, at=soon(left + 2)))
    harkara.wait(lambda: state(harkara, late) == ("read", None), "it is read")
    assert state(harkara, now) == ("read", None)
    first, second = harkara.sandbox.requests(to)
    assert first["body"]["message"] == "Good morning!"
    assert second["body"]["messages"] == [instead.wire()]
    assert harkara.status(late)["flags"] == ["fallback"]


def test_answers_to_an_open_reminder_are_about_it_and_opt_nobody_out(
    harkara: Deployment, application: Application
) -> None:
    comes, cannot = mail().to, mail().to
    for to in (comes, cannot):
        visit = {"to": to, "at": soon(3600).isoformat(), "parameters": APPOINTMENT}
        call(f"{harkara.web}/occasions/appointment/{to}", visit, method="PUT")
    harkara.wait(lambda: reminded(harkara, comes) and reminded(harkara, cannot), "both have read their reminder")
    harkara.sandbox.customer(comes, reply_id="CONFIRM", title="Confirm")
    harkara.sandbox.customer(cannot, text="Cancel")
    for to, kind in ((comes, "reminder.confirmed"), (cannot, "reminder.cancelled")):
        assert wait_told(harkara, application, kind, to)["occasion"] == {"kind": "appointment", "reference": to}
        assert contact(harkara, to).stopped is None
    answer = post(harkara.web, Envelope(to=cannot, messages=[Text("We cancelled it.")]))
    harkara.wait(lambda: state(harkara, answer) == ("read", None), "it is read")
    assert application.refused == 0


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def state(harkara: Deployment, sent: Envelope) -> tuple[str, str | None]:
    """Its state, and the code of the reason."""
    found = harkara.status(sent)
    return found["state"], found["code"]


def contact(harkara: Deployment, number: str) -> Contact:
    with harkara.ledger.read() as tx:
        return known(tx, [("default", number)]).get(("default", number), NOBODY)


def reminded(harkara: Deployment, reference: str) -> bool:
    found = call(f"{harkara.web}/occasions/appointment/{reference}")
    return [each["state"] for each in found["reminders"]] == ["read"]


def wait_told(harkara: Deployment, application: Application, kind: str, number: str) -> dict[str, Any]:
    """The one callback of this kind about somebody."""

    def told() -> list[dict[str, Any]]:
        with application.lock:
            return [one["data"] for one in application.heard if one["type"] == kind and one["data"]["from"] == number]

    harkara.wait(told, f"the application hears {kind}")
    (data,) = told()
    return data
