"""`harkara consent`: record, show, import and export opt-outs and opt-ins."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harkara.ledger.contacts.consent import link_names
from harkara.ledger.contacts.queries import iterate_proofs, list_contacts
from harkara.ledger.database import Database
from harkara.messages import Template
from tests.integration.command.deployment import NUMBER, Harkara, listed, store

USER_ID = "IN.13491208655302741918"
PROOF = ["--proof", "By telephone on 3 May"]
ALL = ["--map", "to=Mobile", "--map", "at=Date", "--map", "wish:=opt-out", "--map", "category:=everything"]
SHEET = """\
Mobile;Date
98765 43210;2026-05-03
9.19877E+11;2026-05-03
98765 43211;3 May
98765 43212;2126-05-03
98765 43213;2026-05-03T10:30
"""


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    file = tmp_path / "stopped.csv"
    file.write_text(SHEET, encoding="utf-8-sig")
    return file


def printed(result: Any, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_an_opt_out_cancels_waiting_messages_and_refuses_new_ones(harkara: Harkara, ledger: Database) -> None:
    store(ledger)
    result = harkara("consent", "out", NUMBER, *PROOF)
    assert result.stdout == "Recorded. This customer now gets no messages; messages cancelled: 1\n"
    refused = harkara("send", NUMBER, "Hello")
    assert (refused.exit_code, "to: wants no more messages" in refused.stderr) == (4, True)
    assert len(listed(ledger)) == 1
    assert printed(harkara("consent", "in", NUMBER, *PROOF, "--json")) == {
        "lane": "default",
        "stopped": None,
        "withdrawn": 0,
    }
    assert harkara("send", NUMBER, "Hello").exit_code == 0


def test_an_opt_out_of_marketing_leaves_other_messages(harkara: Harkara, ledger: Database) -> None:
    store(ledger)
    store(ledger, Template("spring_sale", category="marketing"))
    assert printed(harkara("consent", "out", "98765 43210", "--marketing", *PROOF, "--json")) == {
        "lane": "default",
        "stopped": "marketing",
        "withdrawn": 1,
    }


def test_a_customer_is_shown_with_every_record_and_an_unknown_one_exits_with_3(
    harkara: Harkara, ledger: Database
) -> None:
    assert harkara("consent", "show", NUMBER).exit_code == 3
    harkara("consent", "in", NUMBER, "--marketing", "--proof", "Form of May", "--at", "2026-05-03T10:30+05:30")
    harkara("consent", "out", NUMBER, *PROOF, "--lane", "shop")
    default, shop = printed(harkara("consent", "show", NUMBER, "--json"))["lanes"]
    assert (default["stopped"], default["agreed_at"], shop["stopped"]) == (
        None,
        "2026-05-03T05:00:00+00:00",
        "everything",
    )
    shown = harkara("consent", "show", NUMBER)
    assert "Lane default: agreed to marketing 2026-05-03" in shown.stdout
    assert "Lane shop: opted out of all messages" in shown.stdout
    assert "Form of May" in shown.stdout
    assert NUMBER not in shown.output
    assert "Form" not in harkara("consent", "show", NUMBER, "--lane", "shop").stdout


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["out", "12", *PROOF], 4, "to: "),
        (["out", NUMBER], 2, "--proof"),
        (["out", NUMBER, "--proof", " "], 4, "proof: is empty"),
        (["in", NUMBER, *PROOF, "--at", "+2d"], 4, "at: is in the future"),
        (["in", NUMBER, *PROOF, "--lane", "elsewhere"], 4, "lane: is not configured"),
    ],
)
def test_invalid_input_is_refused(
    harkara: Harkara, ledger: Database, words: list[str], code: int, complaint: str
) -> None:
    result = harkara("consent", *words)
    assert (result.exit_code, complaint in result.output) == (code, True), result.output
    assert harkara("consent", "export").stdout.splitlines() == ["to,lane,wish,category,at,how,proof"]


def test_a_list_is_imported_and_each_invalid_row_listed_by_number(
    harkara: Harkara, ledger: Database, sheet: Path
) -> None:
    store(ledger)
    result = printed(harkara("consent", "import", str(sheet), *ALL, "--map", "proof:=STOP by SMS", "--json"), code=4)
    assert (result["kept"], result["withdrawn"]) == (2, 1)
    reasons = {wrong["row"]: wrong["reason"] for wrong in result["rejected"]}
    assert reasons.keys() == {3, 4, 5}
    assert "without +05:30 if it is local" in reasons[4]
    assert "is in the future" in reasons[5]
    (known,) = list_contacts(ledger, "919876543213")
    assert (known.stopped, known.proofs[0].at.isoformat()) == ("everything", "2026-05-03T05:00:00+00:00")
    assert known.proofs[0].proof == "STOP by SMS"


def test_a_missing_column_stops_the_import_before_any_row_is_recorded(
    harkara: Harkara, ledger: Database, sheet: Path
) -> None:
    result = harkara("consent", "import", str(sheet), *ALL)
    assert (result.exit_code, "no column is called proof" in result.stderr) == (4, True)
    assert harkara("consent", "show", NUMBER).exit_code == 3


def test_an_old_list_does_not_undo_a_newer_choice(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    harkara("consent", "out", NUMBER, *PROOF)
    file = tmp_path / "agreed.csv"
    file.write_text(f"to,wish,category,at,proof\n{NUMBER},opt-in,marketing,2026-01-01,Form\n")
    assert printed(harkara("consent", "import", str(file), "--json"))["kept"] == 1
    (known,) = list_contacts(ledger, NUMBER)
    assert (known.stopped, known.agreed_at, len(known.proofs)) == ("everything", None, 2)


def test_an_export_can_be_imported(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    harkara("consent", "out", NUMBER, *PROOF)
    harkara("consent", "in", NUMBER, "--marketing", "--proof", "She said: “yes”, and wrote it down")
    harkara("consent", "out", NUMBER, *PROOF, "--lane", "shop")
    file = tmp_path / "consent.csv"
    assert harkara("consent", "export", "--csv", str(file), "--lane", "default").exit_code == 0
    with file.open(encoding="utf-8-sig") as opened:
        assert [(row["to"], row["wish"], row["how"]) for row in csv.DictReader(opened)] == [
            (NUMBER, "opt-out", "operator"),
            (NUMBER, "opt-in", "operator"),
        ]
    assert printed(harkara("consent", "import", str(file), "--lane", "shop", "--json"))["kept"] == 2
    lines = [json.loads(line) for line in harkara("consent", "export", "--json").stdout.splitlines()]
    assert [line["lane"] for line in lines].count("shop") == 3
    assert {line["how"] for line in lines} == {"operator", "import"}


def test_an_exported_number_is_imported_as_the_same(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    """Without its +, 6581123456 of Singapore is an Indian mobile number."""
    harkara("consent", "out", "+65 8112 3456", *PROOF)
    file = tmp_path / "consent.csv"
    harkara("consent", "export", "--csv", str(file))
    assert printed(harkara("consent", "import", str(file), "--lane", "shop", "--json"))["kept"] == 1
    assert [(each.lane, each.recipient) for each in iterate_proofs(ledger, "shop")] == [("shop", "6581123456")]


def test_a_customer_is_shown_and_opted_out_by_any_name(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    """The ledger knows 553188888888 from a webhook; the application sends to 5531988888888."""
    with ledger.write() as tx:
        link_names(tx, "default", ("553188888888", USER_ID), wrote_at=datetime.now(UTC))
    assert harkara("send", "+5531988888888", "Hello").exit_code == 0
    assert printed(harkara("consent", "out", "553188888888", *PROOF, "--json"))["withdrawn"] == 1
    for name in ("553188888888", "+55 31 98888-8888", USER_ID):
        (shown,) = printed(harkara("consent", "show", name, "--json"))["lanes"]
        assert (shown["stopped"], shown["names"]) == ("everything", ["553188888888", "5531988888888", USER_ID])
    assert f"Known as 553188888888, 5531988888888, {USER_ID}" in harkara("consent", "show", USER_ID).stdout
    assert len(printed(harkara("list", "--to", USER_ID, "--json"))["messages"]) == 1


def test_an_opt_out_by_user_id_survives_an_export_and_an_import(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    harkara("consent", "out", USER_ID, *PROOF)
    harkara("consent", "out", "553188888888", *PROOF)
    file = tmp_path / "consent.csv"
    harkara("consent", "export", "--csv", str(file))
    assert printed(harkara("consent", "import", str(file), "--lane", "shop", "--json"))["kept"] == 2
    assert [contact.stopped for contact in list_contacts(ledger, USER_ID)] == ["everything"] * 2
    assert [contact.stopped for contact in list_contacts(ledger, "5531988888888")] == ["everything"] * 2


def test_many_rows_are_recorded_in_batches(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    rows = "".join(f"98{n:08d},opt-out,everything,2026-05-03,STOP\n" for n in range(1_100))
    file.write_text("to,wish,category,at,proof\n" + rows)
    result = harkara("consent", "import", str(file), "--json")
    assert printed(result) == {"kept": 1_100, "withdrawn": 0, "rejected": []}
    assert result.stderr.count(" kept, 0 rejected") == 3


def test_a_proof_that_looks_like_a_formula_survives_an_export_and_an_import(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    proof = '=HYPERLINK("https://example.com")'
    harkara("consent", "out", NUMBER, "--proof", proof)
    file = tmp_path / "consent.csv"
    assert harkara("consent", "export", "--csv", str(file)).exit_code == 0
    with file.open(encoding="utf-8-sig") as opened:
        assert [row["proof"] for row in csv.DictReader(opened)] == [f"'{proof}"]
    assert printed(harkara("consent", "import", str(file), "--lane", "shop", "--json"))["kept"] == 1
    (known,) = list_contacts(ledger, NUMBER, "shop")
    assert [each.proof for each in known.proofs] == [proof]
