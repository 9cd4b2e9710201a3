"""`harkara templates`, and `harkara send --kind`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harkara.catalogue import Catalogue
from harkara.ledger.database import Database
from harkara.messages import Envelope, QuickReply, Template
from tests.integration.command.deployment import NUMBER, Harkara, listed
from tests.integration.ledger.steps import row
from tests.unit.catalogue.templates import CATALOGUE

VISIT = ("doctor=Dr Rao", "date=24 November", "time=10:30", "place=Room 4", "duration=20 minutes", "helpline=080 1234")
SET = [word for pair in VISIT for word in ("--set", pair)]


@pytest.fixture
def own(environment: dict[str, str], tmp_path: Path) -> None:
    """A deployment with an approved name of its own."""
    file = tmp_path / "templates.local.toml"
    file.write_text('[kind.appointment_reminder]\nname = "visit_20250101120000"')
    environment["HARKARA_TEMPLATES_FILE"] = str(file)


def test_the_list_names_every_kind_with_its_parameters(harkara: Harkara) -> None:
    lines = harkara("templates").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(CATALOGUE.kinds())
    otp = next(line.split() for line in lines if line.startswith("otp_verification"))
    assert otp[1:5] == ["authentication", "code,", "minutes,", "purpose"]


@pytest.mark.usefixtures("own")
def test_the_list_for_machines_is_a_catalogue(harkara: Harkara) -> None:
    found = Catalogue.from_json(harkara("templates", "--json").stdout)
    assert found.find("appointment_reminder").name == "visit_20250101120000"


@pytest.mark.usefixtures("own")
def test_one_kind_is_shown_with_all_details(harkara: Harkara) -> None:
    shown = harkara("templates", "appointment_reminder").stdout
    for words in (
        "visit_20250101120000",
        "24 hours before",
        "tomorrow",
        "body {{6}}",
        "always CONFIRM",
        "--set helpline=",
    ):
        assert words in shown
    assert "4 to 8 digits" in harkara("templates", "otp_verification").stdout
    printed = json.loads(harkara("templates", "promotional_broadcast", "--json").stdout)
    assert (printed["kind"], printed["parameters"][0], printed["header"]["type"]) == (
        "promotional_broadcast",
        "image",
        "image",
    )
    assert "--opted-in" in harkara("templates", "promotional_broadcast").stdout


@pytest.mark.usefixtures("own")
def test_a_kind_is_sent_with_the_approved_name_and_its_deadline(harkara: Harkara, ledger: Database) -> None:
    words = ["send", NUMBER, "--kind", "appointment_reminder", *SET, "--at", "2030-01-01T10:00+05:30"]
    body = [pair.partition("=")[2] for pair in VISIT]
    wanted = Template("visit_20250101120000", body=body, buttons=[QuickReply("CONFIRM"), QuickReply("RESCHEDULE")])
    assert harkara(*words, "--dry-run").stdout == Envelope(to=NUMBER, messages=[wanted]).body_json() + "\n"
    assert harkara(*words).exit_code == 0
    kept = row(ledger, listed(ledger)[0])
    assert (kept["expires_at"] - kept["due_at"]).total_seconds() == 21_600
    assert (kept["category"], kept["producer"]) == ("utility", "command")


@pytest.mark.usefixtures("own")
def test_the_text_of_a_kind_is_shown_with_the_names_of_its_parameters(harkara: Harkara) -> None:
    shown = harkara("templates", "appointment_reminder").stdout
    assert "⏰ Appointment Tomorrow" in shown
    assert "your appointment with {doctor} scheduled for {date} at {time}. Location: {place}." in shown
    assert "[Confirm] [Reschedule]" in shown
    printed = json.loads(harkara("templates", "appointment_reminder", "--json").stdout)
    assert printed["text"]["header"] == "⏰ Appointment Tomorrow"


def test_a_kind_without_its_text_says_how_to_add_it(
    harkara: Harkara, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "templates.local.toml"
    file.write_text('[kind.appointment_reminder]\nbody = ["doctor"]')
    environment["HARKARA_TEMPLATES_FILE"] = str(file)
    shown = harkara("templates", "appointment_reminder").stdout
    assert "copy it from the dashboard into config/templates.local.toml" in shown
    result = harkara("send", NUMBER, "--kind", "appointment_reminder", "--set", "doctor=Dr Rao", "--dry-run")
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_dry_run_shows_what_the_customer_reads(harkara: Harkara) -> None:
    words = ["send", NUMBER, "--kind", "appointment_reminder", *SET, "--dry-run"]
    shown = harkara(*words).stderr
    assert "your appointment with Dr Rao scheduled for 24 November at 10:30. Location: Room 4." in shown
    assert "[Confirm] [Reschedule]" in shown
    (preview,) = json.loads(harkara(*words, "--json").stdout)["previews"]
    assert (preview["header"], preview["problem"]) == ("⏰ Appointment Tomorrow", None)


def test_a_template_that_does_not_fit_its_text_is_noted_before_it_is_handed_over(
    harkara: Harkara, ledger: Database
) -> None:
    result = harkara("send", NUMBER, "--template", "otp_verification", "--param", "482913")
    assert result.exit_code == 0
    assert "WhatsApp would refuse this template with the code 132000: body: the approved text has 3" in result.stderr
    assert len(listed(ledger)) == 1


def test_a_text_that_is_too_long_once_filled_is_refused_with_both_lengths(harkara: Harkara, ledger: Database) -> None:
    long = ["--set", f"place={'x' * 1_000}"]
    result = harkara("send", NUMBER, "--kind", "appointment_reminder", *SET, *long)
    assert (result.exit_code, listed(ledger)) == (4, [])
    assert "appointment_reminder.body: at most 1,024 characters once the values are filled in" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "rule"),
    [
        (["--kind", "appointment_remainder"], 4, "similar are appointment_reminder"),
        (["--kind", "appointment_reminder", "--set", "doctor=Rao"], 4, "appointment_reminder.date: is missing"),
        (["--kind", "promotional_broadcast"], 4, "--opted-in"),
        (["--kind", "promotional_broadcast", "--opted-in"], 4, "promotional_broadcast.image: is missing"),
        (["--kind", "pin_reset", "--set", "doctor"], 2, "--set: write it as doctor=Rao"),
        (["--kind", "pin_reset", "--param", "a"], 2, "--param: needs --template"),
        (["--template", "visit", "--set", "a=b"], 2, "--set: needs --kind"),
        (["Hello", "--kind", "pin_reset"], 2, "--kind: cannot be combined with TEXT"),
    ],
)
def test_invalid_parameters_are_refused_with_the_next_step(
    harkara: Harkara, words: list[str], code: int, rule: str
) -> None:
    result = harkara("send", NUMBER, *words, "--json")
    assert result.exit_code == code
    assert rule in json.loads(result.stdout)["error"]["message"]


def test_an_invalid_or_missing_templates_file_is_named(
    harkara: Harkara, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "own.toml"
    environment["HARKARA_TEMPLATES_FILE"] = str(file)
    assert "own.toml: cannot be read" in harkara("templates").stderr
    file.write_text('[kind.pin_reset]\nbody = ["to"]')
    result = harkara("templates")
    assert result.exit_code == 1
    assert "own.toml, kind pin_reset: body.0: to cannot be a parameter's name" in result.stderr
