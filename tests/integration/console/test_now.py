"""The page Now: what each lane sends and what waits, and the acts park and unpark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, update

from harkara.ledger.alarms.alarms import open_alarm
from harkara.ledger.charges.budgets import set_budget
from harkara.ledger.database import Database
from harkara.ledger.halts import halted_lanes
from harkara.ledger.restore import park_restored
from harkara.ledger.tables import charge
from harkara.ledger.users.acts import list_acts
from harkara.money.budgets import Budget
from harkara.roles import Role
from harness.ledger import open_ledger
from tests.integration.console.server import FILES, Browser, Server, console_of, serve, text_of
from tests.integration.ledger.money import MARKETING, delivered
from tests.integration.ledger.steps import accept_messages, marketing, otp, reply, send_message
from tests.integration.ledger.test_campaign_steps import WAVES, start_in_stages


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file: Path = tmp_path_factory.mktemp("now") / "harkara.db"
    with open_ledger(f"sqlite:///{file}", connections=10) as db:
        fill(db)
        with serve(console_of(db)) as server:
            yield server


@pytest.fixture(scope="module")
def operator(running: Server) -> Browser:
    return running.user("Asha", Role.OPERATOR)


def fill(db: Database) -> None:
    """Two messages are sent, one of them delivered; four wait in two lanes; an alarm is open."""
    send_message(db, reply(1))
    delivered(db, marketing(2))
    accept_messages(db, otp(3), marketing(4), marketing(5, lane="shop"))
    accept_messages(db, reply(6, at=db.now() + timedelta(hours=3)))
    set_budget(db, Budget("default", "day", "", MARKETING, "INR"))
    with db.write() as tx:
        # The lane of the webhooks has the days of UTC, that of the console those of India.
        tx.execute(update(charge).values(day=datetime.now(ZoneInfo("Asia/Kolkata")).date()))
        found = {"sentence": "9 messages failed.", "value": 9.0, "bound": 5.0, "missed_since": tx.now}
        open_alarm(tx, {"goal": "errors", "lane": "shop", "subject": ""} | found, [])


def test_before_anything_is_sent_the_page_says_what_to_do(tmp_path: Path) -> None:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}") as empty, serve(console_of(empty)) as server:
        page = text_of(server.user("Vik").see("/now"))
    assert "No message was accepted today." in page
    assert "There is no budget." in page
    assert "Open alarms" not in page


def test_a_viewer_sees_what_is_sent_what_waits_and_what_it_costs(running: Server) -> None:
    response = running.user("Vik").see("/now")
    page = text_of(response)
    for expected in (
        "Accepted 6 100% Sent 2 33% Delivered 1 17% Read 0 0%",
        "4 wait or are being sent",
        "Spend of today ₹1.02",
        "Budget per day, lane default · marketing waits ₹1.02 of ₹1.02 (100%)",
        "errors (lane shop) 9 messages failed.",
        "Lane default open",
        "One-time codes 1 ",
        "backlog ends",
    ):
        assert expected in page, expected
    assert 'action="/console/now/park"' not in response.text


def test_the_spend_of_today_is_that_of_the_day_of_each_lane(tmp_path: Path) -> None:
    """The days of both lanes are never the same."""
    zones = {"default": ZoneInfo("Pacific/Kiritimati"), "shop": ZoneInfo("Pacific/Niue")}
    files = replace(FILES, lanes={name: replace(FILES.lanes[name], zone=zone) for name, zone in zones.items()})
    with (
        open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}") as db,
        serve(console_of(db, files=lambda: files)) as server,
    ):
        with db.write() as tx:
            for name, zone in zones.items():
                row = {
                    "message_id": name,
                    "lane": name,
                    "category": "marketing",
                    "currency": "INR",
                    "amount": MARKETING,
                }
                tx.execute(
                    insert(charge), row | {"fee": 0, "tax": 0, "day": tx.now.astimezone(zone).date(), "at": tx.now}
                )
        vik = server.user("Vik")
        assert "Spend of today ₹2.04" in text_of(vik.see("/now"))
        assert "spent ₹2.04 delivered messages 2" in text_of(vik.see("/money"))


def test_a_lane_says_when_the_next_stage_of_a_campaign_begins(tmp_path: Path) -> None:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}") as db, serve(console_of(db)) as server:
        identity = start_in_stages(db, [1, 7], WAVES)
        page = server.user("Vik").see("/now")
    assert "sale : the next stage has 7 messages, and begins about " in text_of(page)
    assert f'href="/console/campaigns/{identity}"' in page.text


def test_every_number_of_messages_leads_to_its_rows(operator: Browser) -> None:
    page = unescape(operator.see("/now").text)
    links = re.findall(r'href="/console(/messages[^"]*)">(?:[\d,]+)', page)
    assert "/messages?lane=default&state=waiting" in links
    today = [link for link in links if "since=" in link]
    assert len(today) == 5
    assert today[2].endswith("&state=delivered&state=read")
    assert {operator.see(link).status_code for link in {*links}} == {200}
    assert all(re.search(r"since=\d{4}-\d\d-\d\dT\d\d%3A\d\d%3A00Z", link) for link in today)


def test_the_charts_have_a_title_and_their_values_as_a_table(operator: Browser) -> None:
    page = operator.see("/now").text
    assert page.count('<svg role="img" aria-labelledby="rate-default-title rate-default-about">') == 1
    assert '<title id="rate-default-title">Messages a minute in lane default</title>' in page
    table = page.split("<caption>Messages a minute in lane default</caption>")[1].split("</table>")[0]
    assert table.count('<th scope="row">') == 60
    assert "hours-default-title" in page
    assert "hours-shop-title" not in page, "nothing becomes due there"


def test_an_operator_parks_a_lane_with_a_reason_and_unparks_it(running: Server, operator: Browser) -> None:
    db = running.console.db
    operator.see("/now")
    assert operator.submit("/now/park", lane="shop", reason="Wrong price <b>").headers["location"].endswith("parked")
    page = operator.see("/now")
    assert "Wrong price &lt;b&gt;" in page.text
    assert "Lane shop parked" in text_of(page)
    assert "not while it is parked" in text_of(page)
    assert operator.submit("/now/unpark", lane="shop").status_code == 303
    assert halted_lanes(db) == []
    done = [(act.act, act.subject, act.filter, act.number) for act in list_acts(db, name="Asha", limit=2)]
    assert done == [("lane.unparked", "shop", None, 1), ("lane.parked", "shop", "Wrong price <b>", None)]


def test_a_user_sees_and_parks_only_the_own_lanes(running: Server) -> None:
    ravi = running.user("Ravi", Role.OPERATOR, ("shop",))
    page = text_of(ravi.see("/now"))
    assert "Lane shop" in page
    assert "Lane default" not in page
    assert "Accepted 1 " in page
    assert "Spend of today ₹0.00 There is no budget." in page
    for act in ("park", "unpark"):
        assert ravi.submit(f"/now/{act}", lane="default", reason="x").status_code == 403
        ravi.see("/now")
    assert halted_lanes(running.console.db) == []


def test_what_cannot_be_done_is_said_in_a_sentence(running: Server, operator: Browser) -> None:
    db = running.console.db
    operator.see("/now")
    assert "reason: must have at most 200" in text_of(operator.submit("/now/park", lane="shop", reason="x" * 201))
    park_restored(db, ["shop"])
    for act in ("park", "unpark"):
        refused = operator.submit(f"/now/{act}", lane="shop", reason="")
        assert refused.status_code == 400
        assert "lacks POSTs that were made: stop the workers" in text_of(refused)
    assert [each.code for each in halted_lanes(db)] == ["restored"]
