"""A ledger with one of everything, in which every text of others is HTML; and the paths of all pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi.routing import APIRoute
from sqlalchemy import select

from config.settings import Settings
from config.shown_settings import shown_settings
from harkara.assistant.talk import Proposal
from harkara.chatmitra.webhooks import parse
from harkara.console.app import PAGES
from harkara.health.sources import Sources
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.callbacks.outbox import Dead, claim, record_results
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.uploads import store_upload
from harkara.ledger.conversations.queries import list_conversations
from harkara.ledger.database import Database
from harkara.ledger.halts import park
from harkara.ledger.messages.commands import cancel
from harkara.ledger.tables import occasion
from harkara.ledger.users.acts import record_act
from harkara.ledger.users.users import add_user
from harkara.messages import Template, Text
from harkara.outcomes import Refused
from harkara.roles import Role
from harness.ledger import open_ledger
from tests.integration.console.server import BY, FILES, Server, console_of, serve
from tests.integration.ledger.alarms import measured, open_one, wait_minutes
from tests.integration.ledger.campaigns import REFUSED, load_campaign, send_due, start_campaign
from tests.integration.ledger.money import delivered, template
from tests.integration.ledger.occasions import VISIT, closing, save, visit
from tests.integration.ledger.steps import LOST, accept_messages, marketing, otp, reply, send_message
from tests.integration.ledger.turns import DRAFTS, LIVE, SHADOW, answer, wrote
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook, preference_webhook, status_webhook

N = 43210
"""The person who gets most messages."""

NUMBER = f"9198765{N}"
CODE = "493817"
"""The code of `otp`."""

HTML = "<img src=x onerror=alert(1) //\"'&"

HEALTH = Sources(callbacks=True, settings=lambda: shown_settings(Settings(_env_file=None)))
ASSISTED = replace(FILES, assistant=DRAFTS)

WRITTEN = {"name": f"Ravi {HTML}"}

_CATALOGUE = FILES.plan.catalogue

WRITTEN_BY_OTHERS = frozenset(
    (
        *FILES.lanes,
        *FILES.plan.rules.kind,
        *_CATALOGUE.kind,
        *(name for kind in _CATALOGUE.kind.values() for name in kind.parameters),
        *VISIT.values(),
        *(f"{HTML} {more}" for more in ("by Asha", "for 91••••••3210")),
        *(f"{first} {HTML}" for first in ("Call 919876543210", "Mobile", "Name", "New", "Ravi", "Sale", "order")),
        *("<b>Yes", "How much is # for [phone]", "STOP", "code 1", "order 9", "visit 8"),
        *("Later", "Over", "Stopped", "list.csv", "visit", "sale", "superseded", "diwali"),
        *("tomorrow; come ten minutes early", "the test", *Role),
        f"{REFUSED.advice} Chat Mitra said: Undeliverable",
        "Undeliverable",
        f"{LOST.reason} Harkara does not send it again by itself.",
        LOST.reason,
    )
)
"""What these pages show of data, of names in files, and of answers that the tests made up."""


@contextmanager
def serve_everything(folder: Path) -> Iterator[tuple[Server, list[str]]]:
    """Run a console over such a ledger; yield it with the paths of all pages."""
    with (
        open_ledger(f"sqlite:///{folder / 'harkara.db'}", callbacks_enabled=True, connections=10) as db,
        serve(console_of(db, files=lambda: ASSISTED, health=HEALTH)) as server,
    ):
        yield server, list(paths(fill(db, folder)))


def fill(db: Database, folder: Path) -> Mapping[str, Sequence[str]]:
    """Add one of everything; return for each parameter of a path the values that lead to a page."""
    values = {
        "message": _messages(db),
        "campaign": _campaigns(db),
        "contact": _conversations(db),
        "occasion": _occasions(db),
        "upload": [_upload(db, folder)],
    }
    _trouble(db)
    add_user(db, f"<b>{HTML}</b>", Role.VIEWER, by=BY)
    with db.write() as tx:
        record_act(tx, BY, "user.changed", HTML, filter=f"{HTML} to {NUMBER}", number=3)
    return values


def paths(values: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the path of every page, from the routes of the console. Raises KeyError for a parameter without a value."""
    for route in (route for module in PAGES for route in module.router.routes if isinstance(route, APIRoute)):
        if "GET" in (route.methods or ()):
            yield from _PARAMETERS[route.path](values) if "{" in route.path else [route.path]


def is_file(path: str) -> bool:
    """Return whether the browser downloads what is there, instead of showing it."""
    return path.partition("?")[0].endswith(".csv")


def _each(pattern: str, name: str) -> Any:
    return lambda values: [pattern.format(value) for value in values[name]]


_CHOICES = urlencode(
    {
        "template": "promotional_broadcast",
        "name": f"New {HTML}",
        "agreed": "all",
        "column.to": f"Mobile {HTML}",
        "column.customer": f"Name {HTML}",
        "text.collection": "Diwali sarees",
        "text.new_items": "12",
        "text.offer": "20 % off",
        "text.image": "https://shop.example.com/diwali.jpg",
    }
)

_PARAMETERS: Mapping[str, Any] = {
    "/link/{secret}": lambda _: ["/link/none"],
    "/conversations/{contact}": _each("/conversations/{}", "contact"),
    "/campaigns/new/{upload}": _each(f"/campaigns/new/{{}}?{_CHOICES}", "upload"),
    "/campaigns/new/{upload}/check": _each(f"/campaigns/new/{{}}/check?read=1&{_CHOICES}", "upload"),
    "/campaigns/new/{upload}/rejects.csv": _each(f"/campaigns/new/{{}}/rejects.csv?{_CHOICES}", "upload"),
    "/campaigns/{key}": _each("/campaigns/{}", "campaign"),
    "/campaigns/{key}/try": lambda values: [f"/campaigns/{values['campaign'][1]}/try"],
    "/campaigns/{key}/report.csv": _each("/campaigns/{}/report.csv", "campaign"),
    "/campaigns/{key}/again": lambda values: [f"/campaigns/{values['campaign'][2]}/again"],
    "/campaigns/{key}/{name}": lambda values: [
        f"/campaigns/{campaign}/{act}" for campaign, act in zip(values["campaign"], ("pause", "start"), strict=False)
    ],
    "/calendar/{identity}": _each("/calendar/{}", "occasion"),
    "/calendar/new/{kind}": lambda _: ["/calendar/new/appointment"],
    "/messages/{key}": _each("/messages/{}", "message"),
    "/messages/{key}/proof": lambda values: [f"/messages/{values['message'][n]}/proof" for n in (0, -1)],
    "/templates/{name}": lambda _: ["/templates/otp_verification", "/templates/appointment_reminder"],
}
"""The paths of each page that has a parameter. A new page needs its line here."""


def _messages(db: Database) -> list[str]:
    text = reply(N, messages=[Text(f"Dear {HTML}, call {NUMBER}")], reference=f"order {HTML}"[:60])
    ids = [send_message(db, text), send_message(db, otp(N)), send_message(db, reply(N), LOST)]
    ids.append(send_message(db, template(N), Refused("131026", "Undeliverable", f"No WhatsApp: {HTML}", 400)))
    named = Template("visit", body=[HTML, NUMBER], category="utility")
    ids += accept_messages(db, reply(N, messages=[named]), marketing(N), otp(N, reference="code 1"))
    cancel(db, accept_messages(db, reply(N)), "Asha", HTML)
    ids.append(delivered(db, template(N, reference="order 9"), "job-9"))
    return ids


def _campaigns(db: Database) -> list[str]:
    running = start_campaign(db, 6, f"Sale {HTML}", source=f"{HTML}.csv")
    send_due(db, most=3)
    send_due(db, REFUSED, most=2)
    paused = load_campaign(db, 2, "Later")
    stopped = start_campaign(db, 2, "Stopped")
    commands.pause(db, stopped, f"{HTML} for {NUMBER}", actor=BY)
    over = start_campaign(db, 2, "Over")
    send_due(db, REFUSED)
    advance_campaigns(db)
    return [running, paused, over]


def _upload(db: Database, folder: Path) -> str:
    file = folder / "list.csv"
    file.write_text(f"Mobile {HTML};Name {HTML}\n{NUMBER};Asha {HTML}\n1234;Ravi {HTML}\n9876543299;\n")
    return store_upload(db, file, f"{HTML}.csv", "default").id


def _conversations(db: Database) -> list[str]:
    deliver_webhooks(
        db,
        inbound_webhook(f"Hello {HTML}", "wamid.1", N, contact=WRITTEN, profile=WRITTEN),
        inbound_webhook(f"My number is {NUMBER}", "wamid.2", N),
        inbound_webhook("STOP", "wamid.3", N + 1),
        preference_webhook("stop", N + 2),
        status_webhook(db, "read", "wamid.foreign", N, message={"type": "text", "text": HTML}),
    )
    _turns(db)
    return [each.contact for each in list_conversations(db, ["default"], parse)]


def _turns(db: Database) -> None:
    """Let the assistant write a draft, hand over, and answer a question that it only records."""
    said = f"Call {NUMBER} {HTML}"
    answered = Proposal(texts=(said, said), buttons=("<b>Yes",), source="faq", price=700_000, milliseconds=900)
    handed = Proposal(texts=(said,), source="rule", hand_over="asked", summary=said)
    unknown = replace(handed, hand_over="unknown")
    for n, (rules, proposal) in enumerate(((DRAFTS, answered), (LIVE, handed), (SHADOW, unknown), (DRAFTS, handed))):
        wrote(db, f"How much is {n} for {NUMBER} {HTML}", rules=rules, n=N + 10 + n)
        answer(db, proposal, rules)


def _occasions(db: Database) -> list[str]:
    to = f"+{NUMBER}"
    save(db, visit(f"visit {HTML}"[:60], to=to, parameters={**VISIT, "doctor": f"Dr {HTML}"[:30]}))
    save(db, visit("visit 8", to=to))
    save(db, closing("cancelled", "visit 8"))
    with db.read() as tx:
        return [row["id"] for row in tx.rows(select(occasion.c.id))]


def _trouble(db: Database) -> None:
    park(db, "shop", f"{HTML} of {NUMBER}")
    open_one(db, lane="shop")
    measured(db, 0, lane="shop")
    wait_minutes(db, 6)
    measured(db, 0, lane="shop")
    open_one(db)
    with db.write() as tx:
        notify(tx, "message.received", "default", "evt_1", {"from": NUMBER, "text": HTML})
    record_results(db, [(each, Dead(f"HTTP 500 {HTML} {NUMBER}", 500)) for each in claim(db, 100, 60.0)])
