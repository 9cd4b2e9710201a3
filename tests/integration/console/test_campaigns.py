"""The pages of campaigns: what they show to which user, and what operators decide there."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from harkara.campaigns import CampaignMessage
from harkara.campaigns.steps import CampaignSteps, producer
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.effects import get_effect
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.load import load
from harkara.ledger.campaigns.queries import get_campaign
from harkara.ledger.database import Database
from harkara.ledger.tables import contact, message
from harkara.ledger.users.acts import list_acts
from harkara.roles import Role
from harness.ledger import open_ledger
from tests.integration.console.server import Browser, Server, console_of, serve, text_of
from tests.integration.ledger.campaigns import (
    REFUSED,
    campaign_plan,
    load_campaign,
    message_ids,
    send_due,
    start_campaign,
)
from tests.integration.ledger.steps import marketing
from tests.integration.ledger.test_campaign_results import charge_messages
from tests.integration.ledger.test_campaign_steps import recipients_of, start_in_stages, write


def acts_of(db: Database, name: str) -> list[tuple[str, int | None]]:
    return [(act.act, act.number) for act in list_acts(db) if act.subject == name]


def test_the_list_says_what_a_campaign_is_before_there_is_one(tmp_path: Path) -> None:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}") as empty, serve(console_of(empty)) as server:
        page = server.user("Vik").see("/campaigns")
    assert "There is no campaign yet. Upload a list" in text_of(page)
    assert "New campaign" not in text_of(page)


def test_a_viewer_sees_the_progress_the_funnel_and_why_messages_failed(
    users: dict[Role, Browser], db: Database
) -> None:
    identity = start_campaign(db, 8, "diwali")
    send_due(db, most=4)
    send_due(db, REFUSED, most=2)
    listed = users[Role.VIEWER].see("/campaigns")
    assert "diwali running 6 of 8 8 sale default" in text_of(listed)
    assert 'hx-trigger="every 10s"' in listed.text
    page = users[Role.VIEWER].see(f"/campaigns/{identity}")
    text = text_of(page)
    for expected in (
        "6 of 8",
        "Messages a minute 1.2",
        "Recipients 8",
        "Accepted by Chat Mitra 4",
        "50 %",
        "Spent so far nothing yet",
        "Still to be sent 2",
        "Failed 2",
        "2 131026 The number has no WhatsApp. Chat Mitra said: Undeliverable 131026",
    ):
        assert expected in text
    assert 'href="/console/messages?campaign=diwali&amp;state=failed&amp;code=131026"' in page.text
    assert 'href="/console/messages?campaign=diwali&amp;state=failed"' in page.text
    assert "/cancel" not in page.text


def test_the_rehearsal_says_that_the_deadline_comes_before_the_end(operator: Browser, db: Database) -> None:
    cancelled = "What is not sent by "
    for name, hours, is_late in (("late", 1, True), ("early", 30, False)):
        expires = db.now() + timedelta(hours=hours)
        plan = campaign_plan(name, steps=CampaignSteps(wave_share=0.5, wave_hours=2), expires=expires)
        rows = [marketing(n, producer=producer(plan.id, n)) for n in (1, 2)]
        load(db, plan, [CampaignMessage(n, row) for n, row in enumerate(rows, 2)])
        assert (cancelled in text_of(operator.see(f"/campaigns/{plan.id}/try"))) == is_late


def test_the_effect_has_the_shares_and_points_that_the_command_prints(operator: Browser, db: Database) -> None:
    """Few people answer a campaign: whole percent would be 1 and 0."""
    identity = start_in_stages(db, [80], CampaignSteps(hold_out=0.5), held_out=40, name="navratri")
    send_due(db)
    write(db, recipients_of(db, identity, "accepted")[:1])
    said = get_effect(db, identity).sentence
    page = text_of(operator.see(f"/campaigns/{identity}"))
    assert said.startswith("1.2% of 80 recipients wrote, and 0.0% of the 40 who got nothing")
    assert "1.2% of 80 recipients wrote, and 0.0% of the 40 who got nothing." in page
    points = re.search(r"between (\S+) and (\S+) points", said)
    assert points is not None
    assert f"between {float(points[1]):g} and {float(points[2]):g} points" in page


def test_an_operator_starts_pauses_resumes_and_cancels_after_a_question(operator: Browser, db: Database) -> None:
    identity = load_campaign(db, 3, "holi")
    assert "Start Cancel" in text_of(operator.see(f"/campaigns/{identity}"))
    for name, question, state in (
        ("start", "3 messages are sent", "running"),
        ("pause", "3 messages wait until you resume", "paused"),
        ("resume", "3 messages go on", "running"),
        ("cancel", "3 messages are not sent any more. This cannot be undone.", "cancelled"),
    ):
        assert question in text_of(operator.see(f"/campaigns/{identity}/{name}"))
        answer = operator.submit(f"/campaigns/{identity}/{name}", reason="wrong price" if name == "pause" else "")
        assert answer.status_code == 303
        page = operator.see(answer.headers["location"].removeprefix("/console"))
        assert f"Done: campaign {state if name == 'cancel' else name.removesuffix('e')}" in text_of(page)
        assert get_campaign(db, identity).state == state
        assert ("wrong price" in text_of(page)) is (name == "pause")
    acts = [("cancelled", 3), ("resumed", None), ("paused", None), ("started", None)]
    assert acts_of(db, "holi") == [(f"campaign.{act}", number) for act, number in acts]


def test_a_campaign_is_scheduled_in_local_time(operator: Browser, running: Server, db: Database) -> None:
    identity = load_campaign(db, 2, "onam")
    zone = running.console.zone
    at = (datetime.now(zone) + timedelta(days=2)).replace(hour=10, minute=30, second=0, microsecond=0)
    operator.see(f"/campaigns/{identity}/start")
    assert "at: choose a day and a time" in text_of(operator.submit(f"/campaigns/{identity}/start", when="later"))
    past = operator.submit(f"/campaigns/{identity}/start", when="later", at="2020-01-01T10:00")
    assert (past.status_code, "at: has passed already" in text_of(past)) == (400, True)
    assert 'value="later" id="later" checked>' in past.text
    assert 'value="now">' in past.text
    assert 'value="2020-01-01T10:00"' in past.text
    both = operator.submit(f"/campaigns/{identity}/start", when="now", at=at.strftime("%Y-%m-%dT%H:%M"))
    assert "at: is given, but Now is chosen: choose this time, or empty it" in text_of(both)
    assert get_campaign(db, identity).state == "ready"
    operator.submit(f"/campaigns/{identity}/start", when="later", at=at.strftime("%Y-%m-%dT%H:%M"))
    assert get_campaign(db, identity).start_at == at
    page = operator.see(f"/campaigns/{identity}")
    assert f"starts {at.day} {at:%b %Y}, 10:30 am".lower() in text_of(page).lower()
    assert acts_of(db, "onam") == [("campaign.scheduled", None)]


def test_a_decision_that_came_too_late_is_explained(operator: Browser, db: Database) -> None:
    identity = load_campaign(db, 1, "pongal")
    operator.see(f"/campaigns/{identity}/start")
    commands.cancel(db, identity, "another operator")
    late = operator.submit(f"/campaigns/{identity}/start", when="now")
    assert (late.status_code, "the campaign is now in this state: cancelled" in text_of(late)) == (400, True)
    assert acts_of(db, "pongal") == []


def test_a_user_sees_and_steers_the_campaigns_of_their_lanes_alone(running: Server, db: Database) -> None:
    identity = load_campaign(db, 1, "eid")
    ravi = running.user("Ravi", Role.OPERATOR, ("shop",))
    assert "eid" not in text_of(ravi.see("/campaigns"))
    assert ravi.see(f"/campaigns/{identity}").status_code == 404
    assert ravi.see(f"/campaigns/{identity}/start").status_code == 404
    ravi.see("/account")
    assert ravi.submit(f"/campaigns/{identity}/start", when="now").status_code == 404
    assert get_campaign(db, identity).state == "ready"


def test_older_campaigns_are_on_further_pages(users: dict[Role, Browser], db: Database) -> None:
    for number in range(51):
        load_campaign(db, 1, f"weekly {number}", lane="shop")
    first = users[Role.VIEWER].see("/campaigns")
    older = re.search(r'href="(\?before=[^"]+)"', first.text)
    assert older
    assert "weekly 0 " not in text_of(first)
    assert "weekly 0 " in text_of(users[Role.VIEWER].see(f"/campaigns{older[1]}"))


@pytest.mark.parametrize("path", ["/campaigns/camp_none", "/campaigns/%00", "/campaigns/camp_none/start"])
def test_an_unknown_campaign_is_not_found(operator: Browser, path: str) -> None:
    assert operator.see(path).status_code == 404
    assert operator.see("/campaigns/camp_none/explode").status_code == 404


def test_names_and_reasons_are_text_and_numbers_in_them_are_masked(operator: Browser, db: Database) -> None:
    identity = start_campaign(db, 1, "<script>alert(1)</script>")
    commands.pause(db, identity, "Asked by 919876543210 <b>")
    for path in ("/campaigns", f"/campaigns/{identity}", f"/campaigns/{identity}/resume"):
        page = operator.see(path)
        assert "<script>alert" not in page.text
        assert "919876543210" not in page.text
    assert "Asked by 91••••••3210 <b>" in text_of(operator.see(f"/campaigns/{identity}"))


def test_a_report_has_a_line_for_each_row_and_a_second_round_the_failed(server: Server) -> None:
    db, viewer, operator = server.console.db, server.user("Vik"), server.user("Omi", Role.OPERATOR)
    identity = start_campaign(db, 3, "bihu")
    send_due(db, most=1)
    send_due(db, REFUSED, most=2)
    advance_campaigns(db)
    report = viewer.see(f"/campaigns/{identity}/report.csv")
    assert [line.split(",")[1] for line in report.text.splitlines()] == ["state", "accepted", "failed", "failed"]
    assert "9876" not in report.text
    assert "Second round" not in text_of(viewer.see(f"/campaigns/{identity}"))
    assert "Second round" in text_of(operator.see(f"/campaigns/{identity}"))
    page = operator.see(f"/campaigns/{identity}/again")
    assert 'value="bihu (2)"' in page.text
    answer = operator.submit(f"/campaigns/{identity}/again", name="bihu again")
    assert answer.status_code == 303, text_of(answer)
    assert get_campaign(db, "bihu again").audience == 2
    twice = operator.submit(f"/campaigns/{identity}/again", name="bihu once more")
    assert (twice.status_code, "has a second round already" in text_of(twice)) == (400, True)


def test_the_page_has_responses_and_costs_and_operators_get_the_report_with_numbers(server: Server) -> None:
    db, viewer, operator = server.console.db, server.user("Vik"), server.user("Omi", Role.OPERATOR)
    identity = start_campaign(db, 3, "ugadi")
    send_due(db, most=1)
    page = text_of(viewer.see(f"/campaigns/{identity}"))
    assert "Spent so far nothing yet Cost, if all arrive ₹3.06" in page
    assert "Have written 0" in page
    assert "Have opted out 0" in page
    assert "Report with numbers" not in page
    assert "Report with numbers" in text_of(operator.see(f"/campaigns/{identity}"))
    assert viewer.submit(f"/campaigns/{identity}/report.csv").status_code == 403
    assert acts_of(db, "ugadi") == []
    report = operator.submit(f"/campaigns/{identity}/report.csv").text.splitlines()
    assert report[0] == "row,recipient,name,state,code,reason,answered_at,opted_out_at,job_id,id"
    assert [line.split(",")[1][:7] for line in report[1:]] == ["9198765"] * 3
    assert acts_of(db, "ugadi") == [("campaign.reported", 3)]
    with db.write() as tx:  # as a release before the migration 0038
        tx.execute(update(message).values(recipient=None))
    page = text_of(viewer.see(f"/campaigns/{identity}"))
    assert "This cost leaves out messages whose number was erased without its country: 3." in page


def test_the_numbers_of_responses_lead_to_the_messages_of_these_recipients(server: Server) -> None:
    db, viewer = server.console.db, server.user("Vera")
    identity = start_campaign(db, 4, "onam")
    send_due(db, most=3)
    wrote, stopped, _ = sorted(message_ids(db, identity))[:3]
    later = db.now() + timedelta(minutes=1)
    with db.write() as tx:
        for each, changes in ((wrote, {}), (stopped, {"wished_at": later, "stopped": "marketing"})):
            recipient = tx.execute(select(message.c.recipient).where(message.c.id == each)).scalar_one()
            tx.execute(insert(contact), {"lane": "default", "recipient": recipient, "wrote_at": later} | changes)
    page = viewer.see(f"/campaigns/{identity}")
    found = {
        label: re.findall(r"/messages/(job_\w+)", viewer.see(unescape(path)).text)
        for path, label in re.findall(
            r'href="/console(/messages[^"]*)">\d<span class="quiet"> (Have [\w ]+)<', page.text
        )
    }
    assert {label: set(ids) for label, ids in found.items()} == {
        "Have written": {wrote, stopped},
        "Have opted out": {stopped},
    }
    assert viewer.see("/messages?response=written").status_code == 400
    assert viewer.see("/messages?campaign=onam&response=other").status_code == 400


def test_a_campaign_that_reached_its_stop_loss_is_resumed_with_a_higher_one(operator: Browser, db: Database) -> None:
    identity = start_campaign(db, 4, "pooja", stop_loss=1_000_000, currency="INR")
    send_due(db, most=2)
    charge_messages(db, identity, message_ids(db, identity)[:2])
    assert advance_campaigns(db)["paused"] == 1  # campaigns of other tests finish in the same round
    assert "its stop-loss is ₹1.00." in text_of(operator.see(f"/campaigns/{identity}"))
    assert "इसकी ख़र्च सीमा ₹1.00 है।" in text_of(operator.see(f"/campaigns/{identity}", **{"Accept-Language": "hi"}))
    assert "Pause again at this cost in all" in text_of(operator.see(f"/campaigns/{identity}/resume"))
    for amount, problem in (("1.5", "give it a higher one"), ("much", "must be a positive number")):
        answer = operator.submit(f"/campaigns/{identity}/resume", stop_loss=amount)
        assert (answer.status_code, problem in text_of(answer)) == (400, True)
    assert operator.submit(f"/campaigns/{identity}/resume", stop_loss="8000").status_code == 303
    assert get_campaign(db, identity).state == "running"
    (resumed,) = [each.filter for each in list_acts(db) if each.subject == "pooja"]
    assert resumed == "stop-loss 8,000.00 INR"
