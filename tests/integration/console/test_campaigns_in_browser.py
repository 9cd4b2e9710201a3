"""Campaigns in Chromium: followed and steered on a phone and on a screen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from harkara.ledger.campaigns.queries import get_campaign
from harkara.ledger.campaigns.uploads import store_upload
from harkara.ledger.database import Database
from harkara.roles import Role
from tests.integration.console.in_browser import PHONE, SCREEN, Open, fits, signed_in
from tests.integration.console.server import Server
from tests.integration.console.test_new_campaign import CHOSEN, LIST
from tests.integration.ledger.campaigns import load_campaign, send_due, start_campaign

pytestmark = pytest.mark.browser


def store(db: Database, folder: Path) -> str:
    file = folder / "list.csv"
    file.write_text(LIST)
    return store_upload(db, file, "list.csv", "default").id


def test_an_operator_follows_and_pauses_a_campaign_on_a_phone(server: Server, open_page: Open) -> None:
    db = server.console.db
    identity = start_campaign(db, 8, "Diwali")
    send_due(db, most=2)
    page = signed_in(server, open_page(viewport=PHONE, is_mobile=True, has_touch=True), role=Role.OPERATOR)
    page.goto("/console/account")
    page.tap("nav >> text=Campaigns")
    page.wait_for_selector("text=2 of 8")
    send_due(db, most=3)
    page.wait_for_selector("text=5 of 8")  # by itself
    page.tap("text=Diwali")
    page.tap("text=Pause")
    page.fill("input[name=reason]", "Wrong price")
    page.tap("main button")
    page.wait_for_selector("text=Done: campaign paused.")
    assert "Wrong price" in page.inner_text("#live")
    assert get_campaign(db, identity).state == "paused"


def test_the_buttons_of_a_campaign_are_in_one_line(server: Server, open_page: Open) -> None:
    identity = start_campaign(server.console.db, 2, "Pongal")
    page = signed_in(server, open_page(viewport=SCREEN), "Meera", Role.OPERATOR)
    page.goto(f"/console/campaigns/{identity}")
    boxes = [each.bounding_box() for each in page.query_selector_all(".acts :is(button, [role=button])")]
    assert len(boxes) == 4
    assert len({(box["y"], box["height"]) for box in boxes}) == 1


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE], ids=["screen", "phone"])
def test_a_list_becomes_a_running_campaign(
    server: Server, open_page: Open, tmp_path: Path, viewport: dict[str, int]
) -> None:
    db, file = server.console.db, tmp_path / "diwali.csv"
    file.write_text(LIST)
    page = signed_in(server, open_page(viewport=viewport), role=Role.OPERATOR)
    page.goto("/console/account")
    page.click("nav >> text=Campaigns")
    page.click("text=New campaign")
    page.set_input_files("input[type=file]", file)
    page.click("text=Upload")
    page.select_option("select[name=template]", "promotional_broadcast")
    assert page.input_value("select[name='column.to']") == "Mobile"
    for name in ("collection", "new_items", "offer", "image"):
        page.fill(f"input[name='text.{name}']", CHOSEN[f"text.{name}"])
    page.wait_for_selector("text=Hi Asha, discover our Diwali sarees with 12 new styles.")
    assert page.locator("input[name='text.customer']").is_hidden(), "a column is chosen"
    page.check("input[value=all]")
    page.wait_for_url("**agreed=all**")
    page.reload()
    page.wait_for_selector("text=the longest of the first")
    assert fits(page)
    page.click("text=Check all rows")
    page.wait_for_selector("text=Rows without a message: 3")
    with page.expect_download() as download:
        page.click("text=Download these rows")
    assert "mangled-number" in Path(download.value.path()).read_text("utf-8-sig")
    page.go_back()
    page.wait_for_selector("text=What fills the message")
    page.go_forward()
    page.click("text=Create the campaign")
    page.fill("input[name=to]", "98765 00001")
    page.click("text=Send the test")
    page.wait_for_selector("text=Done: campaign tested.")
    page.click("text=Go on to the start")
    page.click("main button")
    page.wait_for_selector("text=Done: campaign started.")
    found = get_campaign(db, "diwali")
    assert (found.state, found.audience) == ("running", 3)
    assert fits(page)


def test_a_time_is_for_later(server: Server, open_page: Open) -> None:
    identity = load_campaign(server.console.db, 2, "Pongal")
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto(f"/console/campaigns/{identity}/start")
    page.fill("input[name=at]", f"{server.console.db.now() + timedelta(days=2):%Y-%m-%dT%H:%M}")
    page.click("main button")
    page.wait_for_selector("text=Done: campaign scheduled.")
    assert get_campaign(server.console.db, identity).state == "scheduled"


def open_without_scripts(page: Any, address: str) -> Callable[[], None]:
    """Open a page whose scripts do not arrive; return what lets them arrive, the one that the other needs last."""
    held: dict[str, Any] = {}
    page.route("**/htmx.min*", lambda route: held.update(htmx=route))
    page.route("**/console.js*", lambda route: held.update(console=route))
    with page.expect_request("**/htmx.min*"), page.expect_request("**/console.js*"):
        page.goto(address, wait_until="commit")

    def release() -> None:
        with page.expect_response("**/htmx.min*") as arrived:
            held["htmx"].continue_()
        arrived.value.finished()
        page.evaluate("new Promise((resolve) => setTimeout(resolve, 100))")  # htmx begins in a timer of its own
        held["console"].continue_()

    return release


def test_a_choice_counts_that_is_made_before_the_scripts_are_there(
    server: Server, open_page: Open, tmp_path: Path
) -> None:
    upload = store(server.console.db, tmp_path)
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    release = open_without_scripts(page, f"/console/campaigns/new/{upload}")
    page.select_option("select[name=template]", "promotional_broadcast")
    assert page.locator("select[name='column.to']").count() == 0
    release()
    assert page.input_value("select[name='column.to']") == "Mobile"


def test_of_two_quick_choices_the_second_counts(server: Server, open_page: Open, tmp_path: Path) -> None:
    upload = store(server.console.db, tmp_path)
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto(f"/console/campaigns/new/{upload}")
    held: list[Any] = []
    page.route("**template=promotional_broadcast**", lambda route: held.append(route))
    with page.expect_request("**template=promotional_broadcast**"):
        page.select_option("select[name=template]", "promotional_broadcast")
    page.select_option("select[name=template]", "visit_feedback")
    for each in held:
        each.continue_()
    page.wait_for_selector("text=What fills the message")
    assert page.input_value("select[name=template]") == "visit_feedback"


def test_a_text_counts_that_is_written_before_the_scripts_are_there(
    server: Server, open_page: Open, tmp_path: Path
) -> None:
    upload = store(server.console.db, tmp_path)
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    release = open_without_scripts(page, f"/console/campaigns/new/{upload}?template=promotional_broadcast")
    for name in ("collection", "new_items", "offer", "image"):
        page.fill(f"input[name='text.{name}']", CHOSEN[f"text.{name}"])
    release()
    page.wait_for_selector("text=Hi Asha, discover our Diwali sarees with 12 new styles.")


def test_a_file_that_is_too_large_is_not_sent(server: Server, open_page: Open, tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    with file.open("wb") as opened:
        opened.truncate(51 * 1024 * 1024)
    page = signed_in(server, open_page(), role=Role.OPERATOR)
    page.goto("/console/campaigns/new")
    page.set_input_files("input[type=file]", file)
    said = page.evaluate("document.querySelector('input[type=file]').validationMessage")
    assert said == "This file is larger than 50 MB. Divide it into several."
