"""`harkara proof`: a file that proves what happened to a message, and its check."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import pytest

from harkara.inbound.contact import ConsentChoice
from harkara.ledger.contacts.consent import record_consent
from harkara.ledger.database import Database
from harkara.messages import Template
from harkara.outcomes import Accepted
from tests.integration.command.deployment import NUMBER, Harkara, attempted, store
from tests.integration.ledger.steps import update_message


def test_a_proof_is_written_and_a_changed_byte_is_found(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    identity = attempted(ledger, Accepted("job-1", 200))
    file = tmp_path / "proof.json"
    assert harkara("proof", identity, "--out", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert harkara("proof", identity).stdout == file.read_text()
    checked = harkara("proof", "verify", str(file))
    digest = json.loads(file.read_text())["digest"]
    assert checked.stdout.startswith(f"Unchanged. Message {identity}, accepted, days: ")
    assert f"Digest {digest}\n" in checked.stdout
    assert NUMBER not in checked.stdout
    file.write_text(file.read_text().replace("accepted", "accepteD", 1))
    refused = harkara("proof", "verify", str(file))
    assert (refused.exit_code, "was changed" in refused.stderr) == (4, True)


def test_a_proof_has_the_text_that_the_customer_reads(harkara: Harkara, ledger: Database) -> None:
    store(ledger, Template("order_confirmation", body=["Asha", "1042"]), reference="order-1042")
    head = json.loads(harkara("proof", "write", "order-1042").stdout)["head"]
    assert "1042" in head["texts"][0]["body"]
    assert head["request"]["recipient_mobile_number"] == NUMBER


def test_an_unknown_message_and_an_unreadable_file_are_refused(harkara: Harkara, ledger: Database) -> None:
    assert harkara("proof", "msg_unknown").exit_code == 3
    assert harkara("proof", "verify", "/nonexistent/proof.json").exit_code == 4


def test_a_page_shows_the_proof_to_people(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    name = "रवि <1042> & 7"
    store(ledger, Template("order_confirmation", body=[name, "1042"]), reference="order-1042")
    record_consent(ledger, "default", [opt_in()])
    file, page = tmp_path / "proof.json", tmp_path / "proof.html"
    done = harkara("proof", "order-1042", "--out", str(file), "--html", str(page))
    assert (done.exit_code, done.stdout) == (0, "")
    html = page.read_text("utf-8")
    assert page.stat().st_mode & 0o077 == 0
    assert name not in html
    shown = {escape(name), NUMBER, "order-1042", "opt-in of marketing", "Signed form", "<td>waiting</td>"}
    assert [text for text in shown if text not in html] == []
    assert json.loads(file.read_text())["digest"] in html


def test_a_page_without_its_text_says_so(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    update_message(ledger, store(ledger, reference="order-7"), body=None)
    page = tmp_path / "proof.html"
    assert harkara("proof", "order-7", "--html", str(page)).exit_code == 0
    assert "no longer in the ledger" in page.read_text("utf-8")


def test_a_pdf_without_a_browser_is_refused_with_the_next_step(
    harkara: Harkara, ledger: Database, environment: dict[str, str], tmp_path: Path
) -> None:
    environment["PATH"] = str(tmp_path)
    store(ledger, reference="order-7")
    refused = harkara("proof", "order-7", "--pdf", str(tmp_path / "proof.pdf"))
    assert (refused.exit_code, "print the file of --html" in refused.stderr) == (4, True)
    assert not (tmp_path / "proof.pdf").exists()


@pytest.mark.browser
def test_a_pdf_is_printed(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    store(ledger, Template("order_confirmation", body=["रवि", "1042"]), reference="order-1042")
    pdf = tmp_path / "proof.pdf"
    assert harkara("proof", "order-1042", "--pdf", str(pdf)).exit_code == 0
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert pdf.stat().st_mode & 0o077 == 0


def opt_in() -> ConsentChoice:
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    return ConsentChoice(
        recipient=NUMBER, action="opt-in", category="marketing", how="operator", proof="Signed form", at=moment
    )
