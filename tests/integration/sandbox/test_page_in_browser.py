"""The page in Chromium: the parts that need its script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.sandbox.process import Sandbox
from tests.integration.sandbox.receiver import Receiver
from tests.integration.sandbox.test_phones import BUTTONS, LIST

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Any, sandbox: Sandbox) -> Iterator[Any]:
    """Open a page as wide as a phone; the browser must report no error."""
    errors: list[str] = []
    page = chromium.new_page(viewport={"width": 420, "height": 900})
    page.set_default_timeout(60_000)
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


def test_a_reply_is_typed_sent_and_shown(page: Any, sandbox: Sandbox, receiver: Receiver) -> None:
    page.goto(sandbox.url)
    assert page.locator("#reply").is_hidden()
    sandbox.send()
    page.goto(sandbox.url)
    page.click(".customers a")
    page.wait_for_url("**with=**")
    page.fill("#words", "Is <b>four</b>")

    sandbox.send(message="Another one")
    page.wait_for_selector(".bubble >> nth=1")
    assert page.input_value("#words") == "Is <b>four</b>"
    page.locator("#words").press_sequentially(" fine?")
    page.press("#words", "Enter")

    page.wait_for_selector(".theirs")
    assert page.locator(".theirs p").inner_text() == "Is <b>four</b> fine?"
    assert page.input_value("#words") == ""
    receiver.wait_until(lambda: "message.received" in receiver.events, "a received event")


def test_buttons_and_rows_can_be_tapped(page: Any, sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.send_raw("interactive", BUTTONS)
    sandbox.send_raw("interactive", LIST)
    receiver.wait_until(lambda: receiver.events.count("read") == 2, "two read events")  # a change would close the list
    page.goto(sandbox.url)
    page.click(".customers a")
    page.wait_for_url("**with=**")

    page.click("text=I will")
    page.wait_for_selector(".theirs >> nth=0")
    page.click("summary")
    page.click("text=Monday")
    page.wait_for_selector(".theirs >> nth=1")

    receiver.wait_until(lambda: receiver.events.count("message.received") == 2, "two received events")
    tapped = [received.body["replyId"] for received in receiver.received if received.event == "message.received"]
    assert tapped == ["yes:4711", "day:mon"]


def test_a_press_counts_that_a_refresh_comes_into(page: Any, sandbox: Sandbox) -> None:
    sandbox.send_raw("interactive", BUTTONS)
    page.goto(sandbox.url)
    page.click(".customers a")
    page.wait_for_url("**with=**")
    page.hover("text=I will")
    page.mouse.down()
    sandbox.send(message="Another one")
    for _ in range(2):  # the first may have left before the message
        with page.expect_response(lambda response: "/live" in response.url and response.status == 200):
            pass
    page.mouse.up()
    page.wait_for_selector(".theirs")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_fault_can_be_switched_on_a_narrow_page(page: Any, sandbox: Sandbox, receiver: Receiver, scheme: str) -> None:
    sandbox.send()
    page.emulate_media(color_scheme=scheme)
    page.goto(sandbox.url)

    page.click("#faults-button")
    page.click("#t-webhook_loss_share")
    page.wait_for_selector("text=webhook_loss_share = 0.3")

    assert sandbox.get("/_sandbox/faults")["webhook_loss_share"] == 0.3
    assert page.evaluate("document.documentElement.scrollWidth") == 420
