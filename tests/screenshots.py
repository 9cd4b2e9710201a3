"""Take a screenshot of each page of the console: `python -m tests.screenshots`, or `make screenshots`.

The ledger is that of a clinic that does not exist, filled through the functions that workers use.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from config.environment import ROOT
from harkara.assistant.talk import Proposal
from harkara.chatmitra.webhooks import parse
from harkara.console.navigation import NAVIGATION
from harkara.health.sources import Sources
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.load import load
from harkara.ledger.campaigns.queries import list_campaigns, report
from harkara.ledger.charges.budgets import set_budget
from harkara.ledger.conversations.queries import list_conversations
from harkara.ledger.database import Database
from harkara.ledger.users.users import add_user
from harkara.messages import Envelope, Text
from harkara.money.amounts import to_micros
from harkara.money.budgets import Budget
from harkara.outcomes import Accepted, Refused
from harkara.roles import Role
from harness.ledger import open_ledger
from tests.integration.console.server import BY, FILES, Server, console_of, serve
from tests.integration.ledger.campaigns import audience, campaign_plan, send_due
from tests.integration.ledger.money import delivered, event
from tests.integration.ledger.occasions import PLAN, VISIT, noon, save, visit
from tests.integration.ledger.steps import LOST, accept_messages, age_messages, send_message
from tests.integration.ledger.turns import DRAFTS, LIVE, answer, wrote
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook

FOLDER = ROOT / "docs" / "images"
SCREEN, PHONE = {"width": 1280, "height": 960}, {"width": 400, "height": 800}
TALL = {"width": 1280, "height": 1200}
"""For a conversation with the draft below it."""

CAMPAIGN = "Diwali check-up"
PEOPLE = (
    "Asha Menon",
    "Ravi Kumar",
    "Zoya Khan",
    "Meera Iyer",
    "Imran Shaikh",
    "Divya Nair",
    "Arjun Patel",
    "Leela Rao",
)
NO_WHATSAPP = Refused("131026", "Message undeliverable", "The number has no WhatsApp: ask for another one.", 400)
DOCTORS = ("Dr Rao", "Dr Kulkarni", "Dr Fernandes")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, _clinic(Path(folder)) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        asha = add_user(server.console.db, "Asha", Role.ADMIN, by=BY)
        context = browser.new_context(base_url=server.url, viewport=SCREEN, locale="en-IN")
        page = context.new_page()
        page.goto(f"/console/link/{asha}")
        page.click("main button")
        for name, path in _pages(server.console.db).items():
            page.set_viewport_size(TALL if name == "conversation" else SCREEN)
            page.goto(f"/console{path}")
            _photograph(page, name)
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="dark")
        page.goto("/console/now")
        _photograph(page, "now-phone")
        browser.close()


def _photograph(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}.png")
    print(f"docs/images/{name}.png")


def _pages(db: Database) -> Mapping[str, str]:
    """Return the path of each screenshot by its name: each page of the navigation, and some behind them."""
    (chat, *_) = list_conversations(db, ["default"], parse)
    (campaign, *_) = (each for each in list_campaigns(db, limit=10) if each.name == CAMPAIGN)
    return {
        **{entry.path.strip("/"): entry.path for entry in NAVIGATION},
        "conversation": f"/conversations/{chat.contact}",
        "calendar": f"/calendar?day={noon(1):%Y-%m-%d}",
        "campaign": f"/campaigns/{campaign.id}",
        "template": "/templates/appointment_reminder",
    }


@contextmanager
def _clinic(folder: Path) -> Iterator[Server]:
    with open_ledger(f"sqlite:///{folder / 'harkara.db'}", connections=10) as db:
        _fill(db)
        files = replace(FILES, assistant=DRAFTS)
        with serve(console_of(db, files=lambda: files, health=Sources(callbacks=False, settings=list))) as server:
            yield server


def _fill(db: Database) -> None:
    _calendar(db)
    _reminders(db)
    _campaign(db)
    accept_messages(db, *(_visit_reminder(n) for n in range(96, 140)))  # last, so that they wait
    _chat(db)
    _assistant(db)
    set_budget(db, Budget("default", "day", "", to_micros(Decimal(20)), "INR"), by=BY)


def _calendar(db: Database) -> None:
    """Give each of the next days a few visits."""
    for n, name in enumerate(PEOPLE):
        for days in range(1 + n % 2, 7, 2):
            at = noon(days) + timedelta(minutes=30 * ((5 * n + 3 * days) % 11) - 120)
            values = {**VISIT, "doctor": DOCTORS[(n + days) % 3]}
            save(db, visit(f"{name}, {days}", to=_number(n), at=at, parameters=values))


def _reminders(db: Database) -> None:
    for n in range(96):
        envelope = _visit_reminder(n)
        if n % 12 == 11:
            identity = send_message(db, envelope, NO_WHATSAPP)
        elif n == 25:
            identity = send_message(db, envelope, LOST)
        else:
            identity = delivered(db, envelope, f"job-{n}")
            if n % 3:
                deliver_webhooks(db, event(db, "read", f"job-{n}"))
        age_messages(db, 60.0 * (55 - n % 7 * 8), identity)


def _campaign(db: Database) -> None:
    plan = campaign_plan(CAMPAIGN, source="patients.csv", kind="promotional_broadcast")
    load(db, plan, audience(plan, 240, first=2000))
    commands.start(db, plan.id)
    send_due(db, Accepted("job-c", 202), most=130)
    send_due(db, NO_WHATSAPP, most=6)
    posted = [line.id for line in report(db, plan.id, numbers=False) if line.state != "waiting"]
    for n in range(5):
        age_messages(db, 60.0 * n + 65, *posted[n::5])
    camp = campaign_plan("Eye camp", source="camp.csv", kind="promotional_broadcast")
    load(db, camp, audience(camp, 80, first=3000))
    commands.start(db, camp.id)
    commands.pause(db, camp.id, "The hall is not confirmed.", actor=BY)


def _chat(db: Database) -> None:
    for n, words in ((3, "Is parking available?"), (1, "Thank you, see you then.")):
        deliver_webhooks(
            db, inbound_webhook(words, f"wamid.{n}", n, contact={"name": PEOPLE[n]}, profile={"name": PEOPLE[n]})
        )
    deliver_webhooks(db, inbound_webhook("Hello, can I come at 5 instead of 4 tomorrow?", "wamid.a", 0, **_named(0)))
    send_message(db, Envelope(to=_number(0), messages=[Text("Certainly, Asha. Dr Rao sees you at 5.")]))


def _assistant(db: Database) -> None:
    """Let the assistant answer, give conversations to a person, and write a draft."""
    hours = Proposal(texts=("We are open from 9 to 21, on Sundays from 10 to 14.",), source="faq", milliseconds=210)
    parking = replace(hours, texts=("Yes, there is parking behind the clinic.",), source="model", price=410_000)
    unknown = Proposal(texts=("A person of the clinic goes on.",), source="rule", hand_over="unknown", milliseconds=90)
    turns = (
        ("When do you open on Sunday?", hours),
        ("Is parking available?", parking),
        ("Do you treat children?", unknown),
        ("I want to talk to a person", replace(unknown, hand_over="asked")),
        ("Until when can I come today?", hours),
    )
    for n, (words, proposal) in enumerate(turns):
        wrote(db, words, rules=LIVE, n=2 + n)
        answer(db, proposal, LIVE)
    wrote(db, "Great, thanks! Should I bring the old reports?", rules=DRAFTS, n=0)
    answer(db, replace(hours, texts=("Yes, please bring reports of the last 12 months.",)), DRAFTS)


def _named(n: int) -> dict[str, dict[str, str]]:
    return {"contact": {"name": PEOPLE[n]}, "profile": {"name": PEOPLE[n]}}


def _visit_reminder(n: int) -> Envelope:
    kind = PLAN.catalogue.kind["appointment_reminder"]
    values = {**VISIT, "doctor": DOCTORS[n % 3], "date": "30 November", "time": "4:30 pm"}
    message = PLAN.catalogue.message("appointment_reminder", {each: values[each] for each in kind.parameters})
    return kind.with_deadline(Envelope(to=_number(n), messages=[message]))


def _number(n: int) -> str:
    return f"+9198765{n:05d}"


if __name__ == "__main__":
    main()
