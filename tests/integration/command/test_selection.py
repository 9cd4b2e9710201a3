"""`harkara list --why`, and acts of the command on all messages that fit the filters."""

from __future__ import annotations

import json

from harkara.ledger.database import Database
from harkara.ledger.messages.queries import find_id, get_status
from harkara.messages import Template
from harkara.outcomes import Refused, Uncertain
from tests.integration.command.deployment import Harkara, attempted, listed, store

LOST = Uncertain("read-timeout", "No answer came in time.", None)
REFUSED = Refused("131000", "Something went wrong", "Send it again.", 400)


def test_a_preview_changes_nothing_and_its_token_cancels_exactly_that(harkara: Harkara, ledger: Database) -> None:
    first, other = store(ledger, Template("visit")), store(ledger)
    shown = harkara("cancel", "--template", "visit")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("1 messages would be cancelled. The newest:\n")
    token = shown.stdout.split("--token ")[1].strip()
    assert get_status(ledger, first).state == "waiting"
    done = harkara("cancel", "--template", "visit", "--token", token, "--by", "Asha")
    assert (done.exit_code, done.stdout) == (0, "1 of 1 messages cancelled\n")
    assert get_status(ledger, first).reason == "cancelled by Asha"
    assert get_status(ledger, other).state == "waiting"
    late = harkara("cancel", "--template", "visit", "--token", token)
    assert late.exit_code == 4
    assert "nothing was done, since the set has changed" in late.stderr


def test_yes_decides_about_all_that_fits_now(harkara: Harkara, ledger: Database) -> None:
    ids = [attempted(ledger, LOST) for _ in range(2)]
    preview = json.loads(harkara("resend", "--code", "read-timeout", "--json").stdout)
    assert (preview["act"], preview["count"], preview["delay_seconds"]) == ("resend", 2, 6.0)
    done = json.loads(harkara("resolve", "--sent", "--code", "read-timeout", "--yes", "--json").stdout)
    assert done == {"done": 2, "left": 0, "total": 2}
    assert {get_status(ledger, each).state for each in ids} == {"accepted"}


def test_a_failed_message_is_sent_again_by_its_id(harkara: Harkara, ledger: Database) -> None:
    failed = attempted(ledger, REFUSED)
    assert f"`harkara resend {failed}`" in harkara("status", failed).stdout
    assert harkara("resend", failed).stdout == f"{failed}  resent\n"
    assert get_status(ledger, find_id(ledger, f"again-{failed}")).state == "waiting"
    again = harkara("resend", failed, "order-9")
    assert again.stdout == f"{failed}  not possible: it is failed\norder-9  not found\n"
    assert again.exit_code == 3
    assert len(listed(ledger)) == 2


def test_an_act_needs_ids_or_filters(harkara: Harkara, ledger: Database) -> None:
    for words in (
        ["cancel"],
        ["cancel", "job_1", "--code", "x"],
        ["resend", "--lane", "default"],
        ["resolve", "--sent"],
        ["resolve", "--resend", "--state", "uncertain"],
        ["list", "--occasion", "visit"],
    ):
        assert harkara(*words).exit_code == 2, words


def test_the_reasons_are_listed_with_what_helps(harkara: Harkara, ledger: Database) -> None:
    attempted(ledger, LOST)
    attempted(ledger, REFUSED)
    shown = harkara("list", "--why").stdout.splitlines()
    assert shown[0].startswith(("1 uncertain, answer lost ", "1 failed: Send it again."))
    assert "  `harkara resend --state failed --lane default --code 131000`" in shown
    (group,) = json.loads(harkara("list", "--why", "--state", "failed", "--json").stdout)["groups"]
    assert (group["code"], group["number"], group["exact"]) == ("131000", 1, True)
    assert harkara("list", "--why", "--state", "read").stderr.startswith("No message that matches waits")
