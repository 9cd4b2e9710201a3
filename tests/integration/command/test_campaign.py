"""A campaign from a spreadsheet's CSV file to the report with a result for each row."""

from __future__ import annotations

import csv
import json
import re
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from harkara.lanes import Lane
from harkara.ledger.audit import audit
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.queries import get_campaign
from harkara.ledger.database import Database
from harkara.ledger.messages.begin import BeginRequest, begin
from harkara.ledger.messages.claim import claim
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.dispatch import dispatch
from harkara.ledger.messages.record import record
from harkara.ledger.tables import contact
from harkara.outcomes import Accepted, Outcome, Refused
from tests.integration.command.deployment import Harkara, listed, start
from tests.unit.campaigns.test_excel import workbook

SHEET = """\
Mobile;Doctor;Date
98765 43210;Dr Rao;24 November
9.19877E+11;Dr Rao;24 November
+91 98765 43211;;24 November
9876543210;Dr Rao;25 November
12;Dr Rao;24 November
98765 43212;Dr Sen;24 November
98765 43213;Dr\tSen;25 November
"""
FIXED = ["--map", "time:=10:30", "--map", "place:=Room 4", "--map", "duration:=20 minutes", "--map", "helpline:=080"]
KIND = ["--template", "appointment_reminder_2h", "--map", "to=Mobile", *FIXED]
NUMBERS = ("43210", "43211", "43212", "43213")


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """As a spreadsheet saves it: with the byte order mark, semicolons and numbers it took for decimals."""
    file = tmp_path / "visits.csv"
    file.write_text(SHEET, encoding="utf-8-sig")
    return file


@pytest.fixture
def visits(harkara: Harkara, ledger: Database, sheet: Path) -> str:
    """A campaign of two recipients that is ready."""
    return str(printed(harkara("campaign", "new", str(sheet), *KIND, "--json"))["id"])


def printed(result: Any) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def send_all(db: Database, *outcomes: Outcome) -> None:
    """What is due goes out, with these outcomes in turn."""
    lanes = {"default": Lane("default", "token", None)}
    hints = dispatch(db, lanes, lambda _: {}, depth=100, queued_seconds=10).hints
    for one, outcome in zip(claim(db, [identity for identity, _ in hints], 10), outcomes, strict=True):
        with db.write() as tx:
            begin(tx, [BeginRequest(one, "test", "passed", 10)])
        with db.write() as tx:
            record(tx, [ClaimResult.of(one, outcome, posted=True)])


def test_a_rehearsal_says_that_the_deadline_comes_before_the_end(
    harkara: Harkara, ledger: Database, sheet: Path
) -> None:
    created = harkara("campaign", "new", str(sheet), *KIND, "--name", "late", "--expires", "+1h", "--json")
    assert created.exit_code == 0, created.output
    expires = "expires: load it with --expires."
    assert expires not in harkara("campaign", "rehearse", "late").stdout
    shown = harkara("campaign", "rehearse", "late", "--at", "+2h")
    assert re.search(f"What is not sent by .* {expires}", shown.stdout), shown.stdout
    found = printed(harkara("campaign", "rehearse", "late", "--at", "+2h", "--json"))
    assert datetime.fromisoformat(found["expires_at"]) < datetime.fromisoformat(found["ends_at"])


def test_a_csv_becomes_a_campaign_and_each_rejected_row_has_a_reason(
    harkara: Harkara, ledger: Database, sheet: Path, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.csv"
    result = harkara("campaign", "new", str(sheet), *KIND, "--name", "November", "--rejects", str(rejects))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("November  recipients: 2, rejected: 5")
    assert "row 3, Mobile: was changed by a spreadsheet" in result.stdout
    assert "row 5, Mobile: is the number of row 2 again" in result.stdout
    assert "harkara campaign start November" in result.stderr
    assert "your appointment with Dr Rao scheduled for 24 November at 10:30. Location: Room 4." in result.stderr
    with rejects.open(encoding="utf-8-sig") as file:
        found = {int(line["row"]): (line["column"], line["code"]) for line in csv.DictReader(file)}
    assert found == {
        3: ("Mobile", "mangled-number"),
        4: ("Doctor", "missing-value"),
        5: ("Mobile", "duplicate"),
        6: ("Mobile", "invalid-number"),
        8: ("doctor", "invalid-value"),
    }
    assert not any(number in result.output + rejects.read_text("utf-8-sig") for number in NUMBERS)


def test_the_rejected_rows_never_overwrite_the_audience(harkara: Harkara, ledger: Database, sheet: Path) -> None:
    before = sheet.read_bytes()
    other = sheet.with_name("link.csv")
    other.symlink_to(sheet)
    for path in (sheet, other):
        result = harkara("campaign", "new", str(sheet), *KIND, "--rejects", str(path))
        assert (result.exit_code, "rejects: is the file of the audience" in result.stderr) == (4, True)
    assert sheet.read_bytes() == before


def test_an_excel_file_becomes_a_campaign_as_its_csv_does(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    cells = ("Mobile", "Doctor", "Date"), ("9876543210", "Dr Rao", "24 November"), ("9876543210", "Dr Rao", "x")
    rows = "".join(
        f"<row r='{n}'>"
        + "".join(f"<c r='{at}{n}' t='str'><v>{text}</v></c>" for at, text in zip("ABC", row, strict=True))
        + "</row>"
        for n, row in enumerate(cells, 1)
    )
    file = workbook(tmp_path / "visits.xlsx", ("Clients", "visible", rows))
    result = printed(harkara("campaign", "new", str(file), *KIND, "--json"))
    assert (result["name"], result["audience"], result["by_code"]) == ("visits", 1, {"duplicate": 1})
    assert get_campaign(ledger, "visits").source == "visits.xlsx, sheet Clients"
    assert file.read_bytes().startswith(b"PK"), "the file itself stays as it is"


def test_a_damaged_excel_file_is_refused_with_the_next_step(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    file = tmp_path / "visits.xlsx"
    file.write_bytes(b"PK\x03\x04 and no more")
    result = harkara("campaign", "new", str(file), *KIND)
    assert (result.exit_code, listed(ledger)) == (4, [])
    assert "is a damaged Excel file: save it anew" in " ".join(result.stderr.split())


def test_ten_million_rows_are_refused_before_the_first_is_read(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    file = tmp_path / "visits.csv"
    file.write_bytes(b"1,2\n" * 10_000_000)
    result = harkara("campaign", "new", str(file), *KIND)
    assert (result.exit_code, listed(ledger)) == (4, [])
    assert "file: at most 1,000,000 lines; divide it (this has 10,000,000)" in " ".join(result.stderr.split())


def test_the_first_message_of_a_campaign_is_part_of_the_result(harkara: Harkara, ledger: Database, sheet: Path) -> None:
    (shown,) = printed(harkara("campaign", "new", str(sheet), *KIND, "--json"))["previews"]
    assert shown["header"] == "⏰ Appointment in 2 Hours"
    assert shown["buttons"] == ["Confirm", "Reschedule"]


def test_a_row_whose_text_is_too_long_once_filled_is_rejected(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    file = tmp_path / "long.csv"
    file.write_text(f"Mobile,Doctor,Date\n9876543210,{'x' * 1_000},24 November\n9876543211,Dr Rao,24 November\n")
    result = printed(harkara("campaign", "new", str(file), *KIND, "--json"))
    assert (result["audience"], result["by_code"]) == (1, {"invalid-value": 1})
    assert result["first_rejects"][0]["rule"].startswith("at most 1,024 characters once the values are filled in")


def test_marketing_needs_the_statement_that_all_agreed(harkara: Harkara, ledger: Database, sheet: Path) -> None:
    result = harkara("campaign", "new", str(sheet), "--template", "promotional_broadcast")
    assert (result.exit_code, listed(ledger)) == (4, [])
    assert "--opted-in" in result.stderr


def test_a_one_time_code_cannot_be_a_campaign(harkara: Harkara, ledger: Database, sheet: Path) -> None:
    assert harkara("campaign", "new", str(sheet), "--template", "otp_verification").exit_code == 4


def test_a_missing_column_is_refused_with_the_existing_ones(harkara: Harkara, ledger: Database, sheet: Path) -> None:
    result = harkara("campaign", "new", str(sheet), *KIND, "--map", "doctor=Physician")
    assert (result.exit_code, listed(ledger)) == (4, [])
    assert "there are Mobile, Doctor, Date" in result.stderr


def test_a_rehearsal_shows_time_cost_and_delays(harkara: Harkara, visits: str) -> None:
    found = printed(harkara("campaign", "rehearse", "visits", "--at", "+1h", "--json"))
    assert (found["messages"], found["currency"], found["delays_others"]) == (2, "INR", 0)
    assert found["cost_by_category"] == {"utility": "0.271400"}
    assert [each["header"] for each in found["previews"]] == ["⏰ Appointment in 2 Hours"]
    shown = harkara("campaign", "rehearse", visits)
    assert "2 messages at 20/60s" in shown.stdout
    assert "your appointment with Dr Rao scheduled for 24 November at 10:30." in shown.stderr


def test_a_campaign_is_started_paused_resumed_and_cancelled_by_name_or_id(
    harkara: Harkara, ledger: Database, visits: str
) -> None:
    send_all(ledger)
    message = listed(ledger)[0]
    assert f"Next: Run `harkara campaign start {visits}` to send it." in harkara("status", message).stdout
    assert harkara("campaign", "start", "visits", "--at", "+1h").stdout.startswith("visits  scheduled from ")
    assert printed(harkara("campaign", "start", visits, "--json"))["state"] == "running"
    paused = printed(harkara("campaign", "pause", "visits", "--reason", "Wrong room.", "--json"))
    assert (paused["state"], paused["reason"]) == ("paused", "Wrong room.")
    assert f"paused: Wrong room. Run `harkara campaign resume {visits}`" in harkara("status", message).stdout
    assert harkara("campaign", "start", "visits").exit_code == 4
    assert printed(harkara("campaign", "resume", "visits", "--json"))["by_state"] == {"waiting": 2}
    assert printed(harkara("campaign", "cancel", "visits", "--by", "Asha", "--json"))["withdrawn"] == 2
    (only,) = printed(harkara("campaign", "list", "--json"))["campaigns"]
    assert (only["name"], only["state"], only["reason"]) == ("visits", "cancelled", "cancelled by Asha")
    assert harkara("campaign", "start", "other", "--json").exit_code == 3


def test_the_report_has_a_result_for_each_row_and_numbers_only_on_request(
    harkara: Harkara, ledger: Database, visits: str, tmp_path: Path
) -> None:
    commands.start(ledger, visits)
    send_all(ledger, Accepted("job-7", 200), Refused("131026", "", "The number has no WhatsApp.", 400))
    assert advance_campaigns(ledger) == {"finished": 1}
    rows = list(csv.DictReader(harkara("campaign", "report", "visits").stdout.splitlines()))
    assert [(r["row"], r["state"], r["code"], r["job_id"]) for r in rows] == [
        ("2", "accepted", "", "job-7"),
        ("7", "failed", "131026", ""),
    ]
    lines = harkara("campaign", "report", "visits", "--json").stdout.splitlines()
    assert [json.loads(line)["row"] for line in lines] == [2, 7]
    assert not any(number in "".join(lines) for number in NUMBERS)
    file = tmp_path / "done.csv"
    assert harkara("campaign", "report", "visits", "--csv", str(file), "--numbers").exit_code == 0
    assert "2,919876543210,,accepted" in file.read_text("utf-8-sig")
    (last,) = harkara("campaign", "watch", "visits", "--json").stdout.splitlines()
    assert (json.loads(last)["state"], json.loads(last)["by_code"]) == ("finished", {"131026": 1})
    assert "131026: 1" in harkara("campaign", "watch", "visits").stdout


def test_the_report_for_staff_names_the_people(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    named, addressed = tmp_path / "named.csv", tmp_path / "addressed.csv"
    named.write_text("to,doctor,date,Name\n9876543210,Dr Rao,today,Asha\n9876543211,Dr Rao,today,\n")
    addressed.write_text("to,customer,provider,date,url_suffix\n9876543210,Ravi,Dr Rao,today,visit-7\n")
    name = ["--map", "customer_name=Name"]
    printed(harkara("campaign", "new", str(named), *KIND[:2], *FIXED, *name, "--json"))
    printed(harkara("campaign", "new", str(addressed), "--template", "visit_feedback", "--json"))
    for campaign, names in (("named", ["Asha", None]), ("addressed", ["Ravi"])):
        lines = harkara("campaign", "report", campaign, "--numbers", "--json").stdout.splitlines()
        assert [json.loads(line)["name"] for line in lines] == names
        assert "name" not in json.loads(harkara("campaign", "report", campaign, "--json").stdout.splitlines()[0])


def test_a_killed_load_leaves_a_campaign_that_never_starts(
    ledger: Database, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "many.csv"
    file.write_text("to,doctor,date\n" + "".join(f"98{n:08d},Dr Rao,today\n" for n in range(60_000)))
    with start(environment, "campaign", "new", str(file), *KIND[:2], *FIXED) as process:
        end = time.monotonic() + 60
        while not listed(ledger):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    found = get_campaign(ledger, "many")
    assert (found.state, found.audience) == ("loading", len(listed(ledger)))
    assert found.audience % 500 == 0
    assert audit(ledger).clean
    assert commands.cancel(ledger, found["id"], by="Asha") == found["audience"]


def test_a_campaign_skips_recipients_who_opted_out(harkara: Harkara, ledger: Database, sheet: Path) -> None:
    harkara("consent", "out", "9876543210", "--proof", "By telephone")
    harkara("consent", "out", "9876543212", "--marketing", "--proof", "By telephone")
    result = printed(harkara("campaign", "new", str(sheet), *KIND, "--json"))
    assert (result["audience"], result["by_code"]["opted-out"]) == (1, 1)
    assert [r["row"] for r in result["first_rejects"] if r["code"] == "opted-out"] == [2]


def test_agreed_only_skips_recipients_without_recorded_agreement(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    file = tmp_path / "all.csv"
    file.write_text("to\n9876543210\n9876543211\n9876543212\n")
    texts = ("customer", "collection", "new_items", "offer")
    fills = ["image:=https://shop.example.com/a.jpg", *(f"{name}:=Diwali" for name in texts)]
    words = [str(file), "--template", "promotional_broadcast", *(w for fill in fills for w in ("--map", fill))]
    harkara("consent", "in", "9876543211", "--marketing", "--proof", "Form of May")
    harkara("consent", "in", "9876543212", "--proof", "By telephone")
    result = printed(harkara("campaign", "new", *words, "--agreed-only", "--json"))
    assert (result["audience"], result["by_code"]) == (1, {"not-agreed": 2})


def test_a_rehearsal_counts_later_opt_outs_and_free_messages(harkara: Harkara, ledger: Database, visits: str) -> None:
    assert printed(harkara("campaign", "rehearse", visits, "--json"))["free"] == 0
    with ledger.write() as tx:
        tx.execute(insert(contact), {"lane": "default", "recipient": "919876543210", "wrote_at": datetime.now(UTC)})
    found = printed(harkara("campaign", "rehearse", visits, "--json"))
    assert (found["free"], found["opted_out"], found["cost_by_category"]) == (1, 0, {"utility": "0.135700"})
    assert "1 free in an open window" in harkara("campaign", "rehearse", visits).stdout
    assert printed(harkara("campaign", "rehearse", visits, "--at", "+25h", "--json"))["free"] == 0
    with ledger.write() as tx:
        tx.execute(update(contact).values(stopped="everything"))
    found = printed(harkara("campaign", "rehearse", visits, "--json"))
    assert (found["messages"], found["free"], found["opted_out"]) == (1, 0, 1)
    assert "Not counted: 1 to people who have opted out" in harkara("campaign", "rehearse", visits).stdout


def test_a_rehearsal_checks_media_on_request(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    """The link of one recipient ends before the last message is sent, so its host is not even asked."""
    file = tmp_path / "all.csv"
    ends = int(datetime.now(UTC).timestamp()) + 3600
    link = f"https://bucket.s3.amazonaws.com/a.jpg?AWSAccessKeyId=A&Signature=s&Expires={ends}"
    file.write_text(f"to,image\n9876543210,{link}\n9876543211,{link}\n")
    texts = ("customer", "collection", "new_items", "offer")
    fills = [word for name in texts for word in ("--map", f"{name}:=Diwali")]
    printed(
        harkara("campaign", "new", str(file), "--template", "promotional_broadcast", *fills, "--opted-in", "--json")
    )
    assert "media" not in printed(harkara("campaign", "rehearse", "all", "--at", "+2h", "--json"))
    result = harkara("campaign", "rehearse", "all", "--at", "+2h", "--probe-media", "--json")
    assert result.exit_code == 4
    (medium,) = json.loads(result.stdout)["media"]
    assert (medium["type"], medium["link"]) == ("image", link)
    assert medium["problem"].endswith("+00:00, before the last message is sent")
    shown = harkara("campaign", "rehearse", "all", "--at", "+2h", "--probe-media")
    assert "Media: 1 of 1 checked, 1 with a problem" in shown.stdout


def test_a_rehearsal_without_media_has_none_to_check(harkara: Harkara, ledger: Database, visits: str) -> None:
    assert printed(harkara("campaign", "rehearse", visits, "--probe-media", "--json"))["media"] == []


def test_a_rejected_row_whose_name_is_markup_says_so(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    file.write_text("to,doctor,date\n9876543210,_Rao_,today\n9876543211,Dr Rao,today\n")
    rejects = tmp_path / "rejects.csv"
    result = printed(harkara("campaign", "new", str(file), *KIND[:2], *FIXED, "--rejects", str(rejects), "--json"))
    assert (result["audience"], result["by_code"]) == (1, {"invalid-value": 1})
    assert "has markup, which Chat Mitra forbids; remove the marks" in rejects.read_text("utf-8-sig")


def test_a_cell_of_the_report_is_never_a_formula(
    harkara: Harkara, ledger: Database, visits: str, tmp_path: Path
) -> None:
    commands.start(ledger, visits)
    send_all(ledger, Accepted("=cmd()", 200), Refused("131026", "", "@SUM(1)", 400))
    file = tmp_path / "done.csv"
    assert harkara("campaign", "report", "visits", "--csv", str(file)).exit_code == 0
    shown = harkara("campaign", "report", "visits").stdout
    for text in (shown, file.read_text("utf-8-sig")):
        rows = list(csv.DictReader(text.splitlines()))
        assert rows[0]["job_id"] == "'=cmd()"
        assert rows[1]["reason"].startswith("'@SUM(1)")
    lines = harkara("campaign", "report", "visits", "--json").stdout.splitlines()
    assert json.loads(lines[0])["job_id"] == "=cmd()"


def test_a_campaign_in_steps_explains_them_and_is_repeated_for_the_failed(
    harkara: Harkara, ledger: Database, sheet: Path
) -> None:
    steps = ["--canary", "0.5", "--first", "Doctor=Dr Rao", "--stop-loss", "5000", "--error-share", "1"]
    result = harkara("campaign", "new", str(sheet), *KIND, *steps, "--name", "steps")
    assert result.exit_code == 0, result.output
    assert "The first wave are those with Dr Rao in Doctor; the others follow 24 h after its begin." in result.stderr
    started = harkara("campaign", "start", "steps")
    assert started.stdout.startswith("steps  running, stage 1 of 3  (2 waiting)")
    assert "It pauses when it has cost 5,000.00 INR." in started.stderr
    assert "no effect to measure" in harkara("campaign", "effect", "steps").stderr
    assert "is not over" in harkara("campaign", "again", "steps", "--name", "next").stderr
    assert "must be COLUMN=VALUE, or a share" in harkara("campaign", "new", str(sheet), *KIND, "--first", "Pune").stderr
    harkara("campaign", "cancel", "steps")
    advance_campaigns(ledger)
    refused = harkara("campaign", "again", "steps", "--name", "next")
    assert (refused.exit_code, "no row of failed of steps gives a message" in refused.stderr) == (4, True), (
        refused.output
    )


def test_the_results_say_responses_and_costs(harkara: Harkara, ledger: Database, visits: str) -> None:
    found = printed(harkara("campaign", "results", visits, "--json"))
    assert (found["answered"], found["opted_out"], found["spent"], found["effect"]) == (0, 0, {}, None)
    assert found["cost_if_all_arrive"] == "0.271400"
    said = harkara("campaign", "results", visits).stdout
    assert "0 wrote since they got it, 0 opted out since" in said
    assert "Spent so far: nothing; if all arrive: 0.27 INR" in said
