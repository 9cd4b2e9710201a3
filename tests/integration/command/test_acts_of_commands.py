"""Every command is in one of these tables: those with which people decide write what they did to the log of acts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, add_dead_letters, list_dead_letters
from harkara.ledger.personal.receipt import erase_with_receipt
from harkara.ledger.users.acts import Actor, list_acts
from harkara.outcomes import Refused, Uncertain
from tests.integration.command.deployment import NUMBER, Harkara, attempted, store
from tests.integration.ledger.campaigns import load_campaign
from workers.command import app

LOST = Uncertain("read-timeout", "No answer came in time.", None)
REFUSED = Refused("131000", "Something went wrong", "Send it again.", 400)

ACTING = {
    "cancel": "messages.cancelled",
    "resend": "messages.resent",
    "resolve": "messages.noted",
    "alarms acknowledge": "alarm.acknowledged",
    "budget remove": "budget.removed",
    "budget set": "budget.set",
    "assistant off": "assistant.switched-off",
    "assistant on": "assistant.switched-on",
    "callbacks retry": "callbacks.retried",
    "campaign again": "campaign.created",
    "campaign cancel": "campaign.cancelled",
    "campaign new": "campaign.created",
    "campaign pause": "campaign.paused",
    "campaign resume": "campaign.resumed",
    "campaign start": "campaign.started",
    "consent import": "consent.imported",
    "consent in": "contact.opted-in",
    "consent out": "contact.opted-out",
    "conversation assign": "conversation.assigned",
    "conversation discard-draft": "turn.discarded",
    "conversation give-back": "conversation.given-back",
    "conversation off": "conversation.switched-off",
    "conversation read": "conversation.read",
    "conversation reply": "conversation.replied",
    "conversation send-draft": "turn.approved",
    "dead-letters delete": "dead-letters.deleted",
    "dead-letters retry": "dead-letters.retried",
    "history": "history.deleted",
    "lanes park": "lane.parked",
    "lanes unpark": "lane.unparked",
    "occasion remind": "occasion.reminded",
    "person erase": "person.erased",
    "person export": "person.exported",
    "recover": "ledger.restored",
    "user add": "user.added",
    "user change": "user.changed",
    "user disable": "user.disabled",
    "user enable": "user.enabled",
    "user link": "link.created",
}
"""The kind of act that each of these commands writes."""

APPLICATIONS = {"send", "occasion save", "occasion cancel", "occasion complete", "occasion no-show", "occasion import"}
"""What an application does too: the message or the occasion is its own record."""

ELSEWHERE = {
    "faq import": "the file config/faq.toml belongs under version control",
    "reload": "changes nothing in the ledger",
}
"""Commands that change something without an act, and where that is recorded."""

READING = {
    *(
        "acts",
        "audit",
        "backup",
        "doctor",
        "list",
        "spend",
        "status",
        "templates",
        "alarms list",
        "budget",
        "callbacks list",
    ),
    *("campaign effect", "conversation draft", "conversation list", "conversation show", "faq gaps", "faq test"),
    *("assistant replay", "assistant report", "assistant status", "assistant try", "campaign results"),
    *("campaign list", "campaign rehearse", "campaign report", "campaign watch", "consent export", "consent show"),
    *("dead-letters list", "goals export", "goals list", "lanes", "occasion list", "occasion report"),
    *("occasion show", "proof verify", "proof write", "user list"),
}


def names(command: Any, *above: str) -> Iterator[str]:
    """Yield the words of each command that does something."""
    found = getattr(command, "commands", None)
    if found is None and hasattr(command, "build"):
        yield from names(command.build(), *above)
        return
    if found is None or getattr(command, "invoke_without_command", False):
        yield " ".join(above)
    for name, each in (found or {}).items():
        yield from names(each, *above, name)


def test_every_command_is_in_one_table() -> None:
    tables = (set(ACTING), APPLICATIONS, set(ELSEWHERE), READING)
    assert sorted(names(typer.main.get_command(app))) == sorted(name for table in tables for name in table)


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"HARKARA_ERASURE_KEY": "k" * 32}


def test_a_decision_about_one_or_many_messages_is_one_act(harkara: Harkara, ledger: Database) -> None:
    first, second, third = store(ledger), store(ledger, reference="order-2"), store(ledger)
    lost, failed = attempted(ledger, LOST), attempted(ledger, REFUSED)
    acted = []
    for words in (
        ["cancel", first, second, "--by", "Asha"],
        ["cancel", "--id", third, "--yes"],
        ["cancel", third],
        ["resolve", lost, "--sent"],
        ["resend", failed],
        ["resend", "--state", "failed", "--yes"],
    ):
        before = len(list_acts(ledger))
        harkara(*words)
        acted.append(len(list_acts(ledger)) - before)
    assert acted == [2, 1, 0, 1, 1, 0]  # what changes nothing is no act
    acts = [(each.act, each.subject, each.filter, each.number) for each in list_acts(ledger)]
    assert acts == [
        ("messages.resent", failed, f"id {failed}", 1),
        ("messages.noted", lost, None, 1),
        ("messages.cancelled", third, f"id {third}", 1),
        ("messages.cancelled", second, None, 1),
        ("messages.cancelled", first, None, 1),
    ]
    assert {each.name for each in list_acts(ledger) if each.subject in (first, second)} == {"Asha"}


def test_each_other_decision_is_an_act_of_its_kind(harkara: Harkara, ledger: Database) -> None:
    store(ledger)
    campaign = load_campaign(ledger, 2, "diwali")
    for words in (
        ["campaign", "start", campaign],
        ["campaign", "pause", campaign],
        ["campaign", "resume", campaign],
        ["campaign", "cancel", campaign],
        ["budget", "set", "15000", "--per", "month", "--lane", "shop"],
        ["budget", "remove", "--per", "month", "--lane", "shop"],
        ["lanes", "park", "shop"],
        ["lanes", "unpark", "shop"],
        ["person", "export", NUMBER],
        ["user", "add", "Ravi", "--role", "viewer"],
        ["user", "change", "Ravi", "--role", "operator"],
        ["user", "link", "Ravi"],
        ["user", "disable", "Ravi"],
        ["user", "enable", "Ravi"],
    ):
        before = len(list_acts(ledger))
        result = harkara(*words)
        assert result.exit_code == 0, (words, result.output)
        (entry,) = list_acts(ledger)[: len(list_acts(ledger)) - before]
        assert entry.act == ACTING[" ".join(words[:2])]


def test_a_choice_an_import_and_dead_letters_are_acts_without_a_number(
    harkara: Harkara, ledger: Database, tmp_path: Path
) -> None:
    sheet = tmp_path / "stopped.csv"
    sheet.write_text(f"to,wish,category,at,proof\n{NUMBER},opt-out,marketing,2026-05-03,Form\n")
    letters = [DeadLetter.of("events", str(n), "send", ValueError()) for n in range(3)]
    add_dead_letters(ledger, letters)
    known = [str(each.id) for each in list_dead_letters(ledger, 3)]
    for words in (
        ["consent", "out", NUMBER, "--proof", "By telephone", "--by", "Asha"],
        ["consent", "in", NUMBER, "--proof", "By telephone", "--by", "Asha"],
        ["consent", "import", str(sheet), "--by", "Asha"],
        ["dead-letters", "delete", known[0], known[1], "--by", "Asha"],
        ["dead-letters", "retry", known[2], "--by", "Asha"],
    ):
        harkara(*words)
    acts = [(each.name, each.act, each.number) for each in reversed(list_acts(ledger))]
    assert acts == [
        ("Asha", "contact.opted-out", 0),
        ("Asha", "contact.opted-in", 0),
        ("Asha", "consent.imported", 1),
        ("Asha", "dead-letters.deleted", 2),
        ("Asha", "dead-letters.retried", 1),
    ]
    assert not [each for each in list_acts(ledger) if NUMBER in f"{each.subject} {each.filter}"]


def test_the_doctor_warns_that_erased_people_who_opted_out_are_not_recognized(
    harkara: Harkara, ledger: Database, environment: dict[str, str]
) -> None:
    def found() -> list[str]:
        checks = json.loads(harkara("doctor", "--json").stdout)["checks"]
        return [each["found"] for each in checks if each["check"] == "erasure key"]

    del environment["HARKARA_ERASURE_KEY"]
    harkara("consent", "out", NUMBER, "--proof", "Form")
    assert found() == []
    erase_with_receipt(ledger, NUMBER, "k" * 32, Actor("Asha", "command"))
    assert "set the key with which they were erased" in found()[0]
    environment["HARKARA_ERASURE_KEY"] = "k" * 32
    assert found() == []
