"""The sandbox shows the approved text of a template, and fails a message that does not fit it, as WhatsApp does."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.sandbox.process import ASHA, Sandbox, run_sandbox, sandbox_process
from tests.integration.sandbox.receiver import Receiver
from tests.integration.sandbox.test_page import page

VISIT = ["Dr Rao", "24 November", "10:30", "Room 4", "20 minutes", "080 4000 1234"]


def send(sandbox: Sandbox, name: str, body: list[str], *more: dict[str, Any], **options: Any) -> None:
    component = {"type": "body", "parameters": [{"type": "text", "text": each} for each in body]}
    template = {"name": name, "language": "en", "components": [component, *more]}
    response = sandbox.send(messages=[{"kind": "template", "template": template}], **options)
    assert response.status_code == 202, response.text


def test_the_page_shows_what_the_customer_reads(sandbox: Sandbox) -> None:
    replies = [
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": str(n),
            "parameters": [{"type": "payload", "payload": p}],
        }
        for n, p in enumerate(("CONFIRM", "RESCHEDULE"))
    ]
    send(sandbox, "appointment_reminder", VISIT, *replies)

    html = page(sandbox)

    assert "<h3>⏰ Appointment Tomorrow</h3>" in html
    assert "your appointment with Dr Rao scheduled for 24 November at 10:30. Location: Room 4." in html
    assert "Please arrive 10 minutes early" in html
    assert re.findall(r'data-tap="(\w+)" data-title="(\w+)"', html) == [
        ("CONFIRM", "Confirm"),
        ("RESCHEDULE", "Reschedule"),
    ]


def test_placeholders_of_the_account_are_filled_in_the_text(sandbox: Sandbox) -> None:
    send(sandbox, "account_update", ["$name", "address", "now", "Pune", "Pixel 9"], customer_name="Asha")

    assert "Hi Asha, your address was successfully updated on now." in page(sandbox)


def test_a_template_without_a_known_text_is_shown_by_its_values(sandbox: Sandbox) -> None:
    send(sandbox, "order_ready", ["Asha"])

    html = page(sandbox)

    assert "order_ready" in html
    assert "<dd>Asha</dd>" in html


@pytest.mark.parametrize(
    ("body", "code", "problem"),
    [
        (["Dr Rao"], 132000, "the approved text has 6 placeholders"),
        ([*VISIT[:3], "x" * 1_000, *VISIT[4:]], 132005, "at most 1,024 characters once the values are filled in"),
    ],
)
def test_a_message_that_does_not_fit_its_text_fails_by_webhook(
    sandbox: Sandbox, receiver: Receiver, body: list[str], code: int, problem: str
) -> None:
    send(sandbox, "appointment_reminder", body)
    sandbox.wait_settled()

    assert sandbox.last()["messages"][0]["state"] == "failed"
    assert sandbox.last()["messages"][0]["code"] == code
    assert f"{code} · body: {problem}" in page(sandbox)


def test_a_message_that_fits_its_text_is_delivered(sandbox: Sandbox, receiver: Receiver) -> None:
    send(sandbox, "appointment_reminder", VISIT)
    sandbox.wait_settled()

    assert sandbox.last()["messages"][0]["code"] is None


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of a deployment with a text of its own."""
    file = tmp_path / "templates.local.toml"
    file.write_text(
        '[kind.otp_verification]\nname = "otp_2025"\nlanguage = "en_US"\nbody = ["code"]\n'
        '[kind.otp_verification.text]\nbody = "Your code: {{1}}."\nbuttons = ["Copy"]\n'
    )
    with sandbox_process(HARKARA_TEMPLATES_FILE=str(file)) as sandbox:
        yield sandbox


def test_the_text_of_a_deployment_is_shown(own: Sandbox) -> None:
    send(own, "otp_2025", ["482913"], to=ASHA)

    assert "<p>Your code: 482913.</p>" in page(own)


def test_a_text_that_does_not_fit_its_kind_stops_the_sandbox_with_the_next_step(tmp_path: Path) -> None:
    file = tmp_path / "templates.local.toml"
    file.write_text('[kind.otp_verification.text]\nbody = "Your code: {{1}}."\nbuttons = ["Copy"]\n')

    ended = run_sandbox(HARKARA_TEMPLATES_FILE=str(file), SANDBOX_PORT="0")

    assert ended.returncode == os.EX_CONFIG
    assert "templates.local.toml, kind otp_verification: text.body has 1 placeholders" in ended.stderr
    assert "Traceback" not in ended.stderr
