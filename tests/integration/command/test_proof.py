"""`harkara proof`: a file that proves what happened to a message, and its check."""

from __future__ import annotations

import json
from pathlib import Path

from harkara.ledger.database import Database
from harkara.messages import Template
from harkara.outcomes import Accepted
from tests.integration.command.deployment import NUMBER, Harkara, attempted, store


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
