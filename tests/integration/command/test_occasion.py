"""`harkara occasion`: saves, ends, shows and imports occasions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harkara.ledger.database import Database
from harkara.ledger.users.acts import list_acts
from tests.integration.command.deployment import Harkara
from tests.integration.ledger.occasions import VISIT, noon, occasion_rows, reminder_rows

SETS = [word for name, value in VISIT.items() for word in ("--set", f"{name}={value}")]
AT = f"{noon():%Y-%m-%dT%H:%M}+00:00"


def save(harkara: Harkara, *words: str) -> str:
    result = harkara("occasion", "save", "appointment", "visit-7", "--at", AT, "--to", "9876500001", *SETS, *words)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_a_placeholder_instead_of_a_date_is_refused(harkara: Harkara, ledger: Database) -> None:
    words = ("occasion", "save", "appointment", "visit-7", "--to", "9876500001", *SETS)
    result = harkara(*words, "--at", "0001-01-01T00:00")
    assert (result.exit_code, "must lie in the years 2000 to 2199" in result.stderr) == (4, True)
    assert occasion_rows(ledger) == []


def test_occasions_are_saved_cancelled_and_completed(harkara: Harkara, ledger: Database) -> None:
    assert save(harkara) == "appointment visit-7  created\n"
    assert json.loads(save(harkara, "--json"))["change"] == "unchanged"
    result = harkara("occasion", "cancel", "appointment", "visit-7", "--reason", "ill")
    assert result.stdout == "appointment visit-7  changed\n"
    assert harkara("occasion", "complete", "appointment", "visit-8").exit_code == 3
    assert {r["reason"] for r in reminder_rows(ledger)} == {"Its appointment was cancelled: ill."}


def test_an_invalid_value_is_refused_with_its_field(harkara: Harkara, ledger: Database) -> None:
    words = ["--at", AT, "--to", "9876500001"]
    result = harkara("occasion", "save", "appointment", "v", *words, "--set", "doctor=Rao")
    assert (result.exit_code, "appointment.place: is missing" in result.stderr) == (4, True)
    result = harkara("occasion", "save", "birthday", "v", *words)
    assert (result.exit_code, "must be one of appointment" in result.stderr) == (4, True)
    assert harkara("occasion", "save", "appointment", "v", "--at", "soon", "--to", "1").exit_code == 2
    assert occasion_rows(ledger) == []


def test_an_occasion_shows_its_reminders_and_why_a_rule_has_none(harkara: Harkara, ledger: Database) -> None:
    late = ["--at", f"{noon(-1):%Y-%m-%dT%H:%M}Z", "--to", "9876500001", *SETS]
    assert harkara("occasion", "save", "appointment", "late", *late).exit_code == 0
    save(harkara)
    shown = json.loads(harkara("occasion", "show", "appointment", "visit-7", "--json").stdout)
    assert [(r["rule"], r["state"]) for r in shown["reminders"]] == [("-24h", "waiting"), ("-2h", "waiting")]
    assert (shown["skipped"], shown["revision"], shown["zone"]) == ([], 1, "Asia/Kolkata")
    printed = harkara("occasion", "show", "appointment", "late").stdout
    assert printed.count("The time in which this reminder is useful has passed.") == 2
    assert harkara("occasion", "show", "appointment", "unknown").exit_code == 3
    assert "9876500001" not in printed


def test_a_reminder_is_sent_now_and_once(harkara: Harkara, ledger: Database) -> None:
    soon = datetime.now(UTC) + timedelta(hours=5)
    assert harkara("occasion", "remind", "appointment", "visit-7").exit_code == 3
    save(harkara, "--at", f"{soon:%Y-%m-%dT%H:%M}Z")
    message = harkara("occasion", "remind", "appointment", "visit-7").stdout.strip()
    assert [row["id"] for row in reminder_rows(ledger, "-2h", "waiting")] == [message]
    again = harkara("occasion", "remind", "appointment", "visit-7")
    assert "on its way already" in again.stderr
    assert [act.act for act in list_acts(ledger)] == ["occasion.reminded"]


def test_the_list_filters(harkara: Harkara, ledger: Database) -> None:
    save(harkara)
    for words, number in (([], 1), (["--kind", "payment"], 0), (["--status", "open"], 1), (["--lane", "shop"], 0)):
        assert len(json.loads(harkara("occasion", "list", *words, "--json").stdout)["occasions"]) == number, words
    assert "visit-7" in harkara("occasion", "list").stdout


def test_the_status_of_a_reminder_names_its_occasion(harkara: Harkara, ledger: Database) -> None:
    save(harkara)
    identity = reminder_rows(ledger, "-2h")[0]["id"]
    about = json.loads(harkara("status", identity, "--json").stdout)["occasion"]
    assert about == {"kind": "appointment", "reference": "visit-7", "rule": "-2h"}
    assert "Reminder -2h of the appointment visit-7" in harkara("status", identity).stdout


def test_batches_are_imported_although_some_rows_are_invalid(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    file = tmp_path / "visits.csv"
    day = f"{noon():%d %B}"
    rows = [f'v{n},+9198765{n % 1000:05d},{noon():%Y-%m-%d} 10:30,"Dr Rao",{day},10:30' for n in range(1_100)]
    rows[10] = "v10,12,2026-11-24 10:30,Dr Rao,24 Nov,10:30"
    rows[20] = "v20,9876500001,tomorrow,Dr Rao,24 Nov,10:30"
    file.write_text("\n".join(["reference,Mobile,When,doctor,date,time", *rows]))
    maps = ["to=Mobile", "at=When", "place:=Room 4", "duration:=20 minutes", "helpline:=080 4000 1234"]
    words = ["occasion", "import", str(file), "--kind", "appointment", *(w for m in maps for w in ("--map", m))]
    result = harkara(*words, "--json")
    assert result.exit_code == 4, result.stderr
    printed = json.loads(result.stdout)
    assert printed["saved"] == {"created": 1_098}
    assert [wrong["row"] for wrong in printed["rejected"]] == [12, 22]
    assert "at: must be a time" in printed["rejected"][1]["reason"]
    assert "1098 saved, 2 rejected" in result.stderr
    assert len(reminder_rows(ledger, state="waiting")) == 2 * 1_098
    again = harkara(*words)
    assert again.stdout.splitlines()[-1] == "1098 unchanged"
    assert again.stdout.startswith("row 12: Mobile: ")


def test_a_row_that_would_replace_the_occasion_of_an_earlier_row_is_rejected(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    file = tmp_path / "visits.csv"
    rows = [f"v1,9876500001,{noon():%Y-%m-%d} 10:30", f"v1,9876500002,{noon():%Y-%m-%d} 16:00"]
    file.write_text("\n".join(["reference,to,at", *rows, rows[0]]))
    maps = [word for name, value in VISIT.items() for word in ("--map", f"{name}:={value}")]
    result = harkara("occasion", "import", str(file), "--kind", "appointment", *maps)
    assert result.exit_code == 4
    assert result.stdout.splitlines() == [
        "row 3: reference: is that of row 2 again, with other values; give each occasion its own",
        "1 created, 1 unchanged",
    ]
    assert [row["recipient"] for row in occasion_rows(ledger)] == ["919876500001"]


def test_a_csv_without_a_column_is_refused_before_any_row_is_saved(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    file = tmp_path / "visits.csv"
    file.write_text("reference,to,at\nv,9876500001,2026-11-24 10:30\n")
    result = harkara("occasion", "import", str(file), "--kind", "appointment")
    assert (result.exit_code, "no column is called doctor" in result.stderr) == (4, True)


# A whole day

INVOICE = ("customer=Asha", "invoice=INV1", "amount=Rs500", "late_fee=Rs50", "url_suffix=p1")
PAYMENTS = """reference,Due,Mobile,customer,invoice,amount,due_date,late_fee,url_suffix
I3,2031-12-05,9876500003,Asha,INV3,Rs500,5 Dec,Rs50,p3
I4,2031-12-05,9876500003,Asha,INV4,Rs500,,Rs50,p4
I5,2031-12-05,9876500003,Asha,INV5,Rs500,6 Dec,Rs50,p5
"""


def test_a_date_without_an_hour_is_the_whole_day(harkara: Harkara, ledger: Database) -> None:
    words = ["--to", "9876500001", *(word for pair in INVOICE for word in ("--set", pair))]
    assert harkara("occasion", "save", "payment", "inv-1", "--at", "2031-12-05", *words).exit_code == 0
    assert [f"{r['due_at']:%m-%d %H:%M}" for r in reminder_rows(ledger)] == [
        "12-02 04:30",
        "12-04 04:30",
        "12-05 04:30",
    ]
    assert reminder_rows(ledger, "0d")[0]["expires_at"].isoformat() == "2031-12-05T18:30:00+00:00"
    shown = harkara("occasion", "show", "payment", "inv-1").stdout
    assert "At 2031-12-05 (Asia/Kolkata)" in shown
    assert "skipped" not in shown
    assert "2031-12-05 " in harkara("occasion", "list").stdout


def test_dates_of_a_csv_file_are_whole_days_and_its_texts_must_agree(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    file = tmp_path / "payments.csv"
    file.write_text(f"\ufeff\ufeffsep=,\r\nPayments due\r\n{PAYMENTS}", "utf-8")  # as Excel exports it
    result = harkara("occasion", "import", str(file), "--kind", "payment", "--map", "to=Mobile", "--map", "at=Due")
    assert result.stdout.splitlines()[-1] == "2 created"
    assert "row 6: payment.due_date: contradicts `at`, which is 2031-12-05 in Asia/Kolkata" in result.stdout
    given, left_out = reminder_rows(ledger, "0d", "waiting")
    assert '"5 Dec"' in given["body"]
    assert '"5 December 2031"' in left_out["body"]


def test_a_file_needs_no_column_for_what_follows_from_the_occasion(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    file = tmp_path / "visits.csv"
    file.write_text("reference,to,at,doctor,place,duration,helpline\nv,9876500001,2031-11-24 10:30,Rao,4,20,080\n")
    assert harkara("occasion", "import", str(file), "--kind", "appointment").stdout == "1 created\n"
    assert all("24 November 2031" in r["body"] and "10:30 AM" in r["body"] for r in reminder_rows(ledger))
    missing = harkara("occasion", "import", str(file), "--kind", "appointment", "--map", "date=Day")
    assert (missing.exit_code, "no column is called Day" in missing.stderr) == (4, True)


# Endings


def test_a_no_show_is_an_ending_and_the_report_counts_it(harkara: Harkara, ledger: Database) -> None:
    save(harkara)
    result = harkara("occasion", "no-show", "appointment", "visit-7")
    assert result.stdout == "appointment visit-7  changed\n"
    assert len(json.loads(harkara("occasion", "list", "--status", "no-show", "--json").stdout)["occasions"]) == 1
    found = json.loads(harkara("occasion", "report", "appointment", "--json").stdout)
    assert found["occasions"] == {"open": 0, "cancelled": 0, "completed": 0, "no-show": 1}
    assert "1 no-show" in harkara("occasion", "report", "appointment", "--since", "-1d").stdout
    assert harkara("occasion", "report", "birthday").exit_code == 4
