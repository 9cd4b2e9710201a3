"""The steps to a new campaign: the file, the message, the check, the test, and what is wrong with files."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

import httpx2
import pytest
from sqlalchemy import select

from harkara.campaigns.steps import CampaignSteps
from harkara.ledger.campaigns.queries import get_campaign, get_progress
from harkara.ledger.database import Database
from harkara.ledger.messages.search import MessageFilter, list_messages
from harkara.ledger.tables import campaign
from harkara.ledger.users.acts import list_acts
from harkara.roles import Role
from tests.integration.console.server import Browser, Server, text_of

LIST = """Mobile;Name;City
9876543210;Asha;Pune
9876543211;Ravi Kumaraswamy Venkatanarasimha;Bengaluru
9.19876E+11;Rounded;Goa
9876543210;Twice;Goa
9876543213;;Goa
9876543214;Zoya;Kochi
"""
CHOSEN = {
    "template": "promotional_broadcast",
    "name": "Diwali",
    "agreed": "all",
    "column.to": "Mobile",
    "column.customer": "Name",
    "column.collection": "",
    "text.collection": "Diwali sarees",
    "column.new_items": "",
    "text.new_items": "12",
    "column.offer": "",
    "text.offer": "20 % off",
    "column.image": "",
    "text.image": "https://shop.example.com/diwali.jpg",
}


@pytest.fixture(scope="module")
def operator(running: Server) -> Browser:
    return running.user("Omi", Role.OPERATOR)


def send_file(browser: Browser, content: bytes, name: str = "list.csv", lane: str = "default") -> httpx2.Response:
    browser.see("/campaigns/new")
    fields = {"token": browser.token, "lane": lane}
    return browser.post("/console/campaigns/new", data=fields, files={"file": (name, content, "text/csv")})


def upload(browser: Browser, text: str = LIST, **options: str) -> str:
    """Upload a list, and return the path of the next step."""
    answer = send_file(browser, text.encode(), **options)
    assert answer.status_code == 303, text_of(answer)
    return answer.headers["location"].removeprefix("/console")


def step(path: str, of: str = "", /, **changed: str) -> str:
    return f"{path}{of}?{urlencode(CHOSEN | changed)}"


def test_a_list_becomes_a_campaign_step_by_step(operator: Browser, db: Database) -> None:
    path = upload(operator, name="diwali.csv")
    assert "diwali.csv · 7 lines · lane default" in text_of(operator.see(path))
    message = operator.see(f"{path}?template=promotional_broadcast").text
    assert '<option value="Mobile" selected>' in message
    assert '<option value="Name" selected>' in message
    assert 'name="name" value="diwali"' in message
    live = text_of(operator.see(step(path)))
    assert "Row 2 " in live
    assert "Hi Asha, discover our Diwali sarees with 12 new styles." in live
    assert "Row 3, the longest of the first 2,000" in live
    assert f"Reading {7} lines" in text_of(operator.see(step(path, "/check")))
    checked = operator.see(step(path, "/check", read="1"))
    words = text_of(checked)
    assert "People who get a message 3" in words
    assert re.search(r"Cost, if all arrive ₹\d", words)
    assert "Rows without a message: 3" in words
    assert "1 A spreadsheet has changed the phone number." in words
    assert "Row 5, Mobile: is the number of row 2 again" in words
    rejects = operator.see(step(path, "/rejects.csv"))
    assert rejects.headers["content-disposition"] == 'attachment; filename="rejected-rows.csv"'
    assert [line.split(",")[2] for line in rejects.text.splitlines()] == [
        "code",
        "mangled-number",
        "duplicate",
        "missing-value",
    ]
    assert list_messages(db) == [], "nothing is written before the load"
    loaded = operator.submit(step(path, "/load"))
    assert loaded.headers["location"].endswith("/try?done=campaign.created")
    found = get_campaign(db, "Diwali")
    assert (found.state, found.audience, found.rejected, found.source) == ("ready", 3, 3, "diwali.csv")
    page = operator.see(loaded.headers["location"].removeprefix("/console"))
    assert "Done: campaign created" in text_of(page)
    assert "Hi Asha, discover our Diwali sarees" in text_of(page)
    again = operator.submit(step(path, "/load"))
    assert (again.status_code, "There is a campaign of this name already" in text_of(again)) == (400, True)
    assert ("campaign.created", "Diwali", 3) in [(act.act, act.subject, act.number) for act in list_acts(db)]


def test_a_test_goes_to_the_own_number_once(operator: Browser, db: Database) -> None:
    path = upload(operator)
    operator.submit(step(path, "/load", name="Tried"))
    found = get_campaign(db, "Tried")
    page = operator.see(f"/campaigns/{found.id}/try")
    (identity,) = re.findall(r'name="id" value="(job_[0-9a-f]+)"', page.text)
    refused = text_of(operator.submit(f"/campaigns/{found.id}/try?done=campaign.created", to="12", id=identity))
    assert ("to: " in refused, "Done: " in refused) == (True, False)
    sent = operator.submit(f"/campaigns/{found.id}/try", to="98765 00001", id=identity)
    assert sent.headers["location"].endswith(f"sent={identity}")
    assert (
        f'href="/console/messages/{identity}"' in operator.see(sent.headers["location"].removeprefix("/console")).text
    )
    (message,) = list_messages(db, MessageFilter(id=identity))
    assert (message.template, message.campaign) == ("promotional_broadcast", None)
    twice = operator.submit(f"/campaigns/{found.id}/try", to="98765 00001", id=identity)
    assert "This test was sent already" in text_of(twice)
    assert get_progress(db, found.id).by_state == {"waiting": 3}
    act = next(each for each in list_acts(db) if each.act == "campaign.tested")
    assert (act.subject, act.filter, act.number) == ("Tried", "to 91••••••0001", 1)


def test_what_is_missing_is_said_on_the_page_of_the_message(operator: Browser) -> None:
    path = upload(operator)
    for changed, expected in (
        ({"template": ""}, "template: choose one"),
        ({"template": "no_such"}, "template: choose one"),
        ({"agreed": ""}, "template: is marketing: say who may get it"),
        ({"column.to": ""}, "phone number: choose the column that has it"),
        ({"text.offer": ""}, "offer: choose a column, or write the text for everyone"),
        ({"name": ""}, "name: must be 1 to 80 printable characters"),
        ({"column.to": "Phone", "read": "1"}, "to: no column is called Phone"),
    ):
        refused = operator.see(step(path, "/check", **changed))
        assert (refused.status_code, expected in text_of(refused)) == (400, True), text_of(refused)
    assert "Row 2 image: " in text_of(operator.see(step(path, "", **{"text.image": "no link"})))


def test_one_time_codes_and_templates_of_no_one_are_not_offered(operator: Browser) -> None:
    page = operator.see(upload(operator)).text
    assert 'value="order_confirmation"' in page
    assert 'value="otp_verification"' not in page


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "file: is empty"),
        (b"PK\x03\x04rest of a workbook", "file: is a damaged Excel file"),
        (b"Mobile,Name\n9876543210,\xe9\n", "file: line 2 is not in UTF-8"),
        (b"\x00\x01\x02", "file: is not a text file"),
    ],
)
def test_a_file_that_is_no_list_is_refused_in_plain_words(operator: Browser, content: bytes, expected: str) -> None:
    refused = send_file(operator, content)
    assert (refused.status_code, expected in text_of(refused)) == (400, True), text_of(refused)
    assert 'type="file"' in refused.text


def test_formulas_and_html_in_a_list_are_text(operator: Browser) -> None:
    path = upload(
        operator, "Mobile,=1+1,<script>alert(1)</script>\n9876543210,=2,<b>Asha</b>\n", name="<img src=x>.csv"
    )
    page = operator.see(step(path, "", **{"column.customer": "<script>alert(1)</script>"})).text
    assert "<script>alert" not in page
    assert "<img src" not in page
    assert "<b>Asha" not in page
    assert "customer: has HTML; write plain text" in page


def test_a_form_without_a_file_a_token_or_the_own_lane_is_refused(running: Server, operator: Browser) -> None:
    operator.see("/campaigns/new")
    fields = {"token": operator.token, "lane": "default"}
    file = {"file": ("list.csv", LIST.encode(), "text/csv")}
    assert operator.post("/console/campaigns/new", data=fields, files={"x": ("x", b"", "a/b")}).status_code == 400
    assert operator.post("/console/campaigns/new", data=fields | {"token": "x"}, files=file).status_code == 403
    assert send_file(operator, LIST.encode(), lane="other").status_code == 400
    ravi = running.user("Ravi", Role.OPERATOR, ("shop",))
    assert send_file(ravi, LIST.encode(), lane="default").status_code == 400
    assert ravi.see(upload(operator)).status_code == 404
    assert "lane shop" in text_of(ravi.see(upload(ravi, lane="shop")))


def test_an_upload_that_is_too_large_is_refused_while_it_is_read(operator: Browser) -> None:
    operator.see("/campaigns/new")
    large = b"x" * (51 * 1024 * 1024)
    try:
        answer = send_file(operator, large)
    except httpx2.NetworkError:
        return  # the server does not read the rest
    assert (answer.status_code, "file: may have at most 50 MB" in text_of(answer)) == (400, True)


def test_a_part_of_the_query_that_is_odd_is_ignored(operator: Browser) -> None:
    path = upload(operator)
    odd = dict(parse_qsl("template=feedback&column.nothing=x&text.to=9876543210&name=%00a&agreed=x"))
    assert operator.see(f"{path}?{urlencode(odd)}").status_code == 200


def test_options_are_those_of_the_campaign(operator: Browser, db: Database) -> None:
    path = upload(operator)
    for changed, expected in (
        ({"canary": "51"}, "canary: give whole percent, from 1 to 50"),
        ({"hold_out": "x"}, "hold_out: give whole percent, from 1 to 50"),
        ({"stop_loss": "much"}, "stop_loss: must be a positive number"),
    ):
        assert expected in text_of(operator.see(step(path, "/check", **changed)))
    options = {"canary": "2", "wave_share": "20", "hold_out": "10", "stop_loss": "5000"}
    page = operator.see(step(path, "", **options)).text
    assert 'name="stop_loss" value="5000"' in page
    assert operator.submit(step(path, "/load", name="Stepped", **options)).status_code == 303
    with db.read() as tx:
        (row,) = tx.rows(select(campaign).where(campaign.c.name == "Stepped"))
    steps = CampaignSteps.load(row["steps"])
    assert (steps.canary, steps.wave_share, steps.hold_out, row["stop_loss"]) == (0.02, 0.2, 0.1, 5_000_000_000)
