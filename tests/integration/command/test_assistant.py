"""`harkara assistant`: try a question, and replay recorded talks, without sending."""

from __future__ import annotations

import json
from pathlib import Path

from config.environment import ROOT
from tests.integration.command.deployment import Harkara

TALK = (
    '{"name": "%s", "language": "en", "about": "orders", '
    '"turns": [{"customer": ["%s"], "expect": {"answered": ["%s"]}}]}\n'
)


def test_a_question_shows_what_a_customer_would_get(harkara: Harkara) -> None:
    shown = json.loads(harkara("assistant", "try", "order kab aayega", "--json").stdout)
    assert shown["texts"][0].startswith("🤖 ")
    assert (shown["source"], shown["citations"], shown["buttons"]) == ("faq", ["order-status"], [])
    assert shown["near"][0] == {"entry": "order-status", "score": 1.0}
    lines = harkara("assistant", "try", "zzz card 4111 1111 1111 1111").stdout
    assert "Without personal data: zzz card [card-1]" in lines
    assert "A person takes over, since the customer asks what no knowledge answers." in lines
    assert "4111" not in lines
    assert "The customer gets no message." in harkara("assistant", "try", "STOP").stdout


def test_the_talks_that_ship_pass(harkara: Harkara) -> None:
    result = harkara("assistant", "replay", str(ROOT / "examples" / "assistant-talks.jsonl"), "--json")
    assert result.exit_code == 0
    measures = json.loads(result.stdout)
    assert (measures["talks"], measures["failed"], measures["wrong"], measures["leaked"]) == (60, 0, 0, 0)


def test_a_turn_that_fails_is_named(harkara: Harkara, tmp_path: Path) -> None:
    file = tmp_path / "talks.jsonl"
    talks = [TALK % ("tracked", "where is my order", "order-status"), TALK % ("parked", "is there parking", "address")]
    file.write_text("".join(talks), "utf-8")
    result = harkara("assistant", "replay", str(file))
    assert result.exit_code == 1
    assert "answered by parking" in result.stdout
    assert "parked" in result.stdout
    assert "tracked" not in result.stdout
