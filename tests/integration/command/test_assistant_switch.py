"""`harkara assistant status`, `off` and `on`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harkara.ledger.assistant_switch import off_since
from harkara.ledger.database import Database
from harkara.ledger.model_halt import record_outcome
from harkara.ledger.users.acts import list_acts
from tests.integration.command.deployment import Harkara
from tests.integration.ledger.test_turn_goals import had_turns


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    rules = tmp_path / "assistant.toml"
    model = '[model]\nname = "small"\nurl = "https://model.example.com/v1"\nprompt = "Answer."\n'
    rules.write_text(f'lanes = ["default"]\nmode = "live"\nshare = 0.25\n{model}')
    return environment | {"HARKARA_ASSISTANT_FILE": str(rules)}


def test_the_status_shows_the_rollout_the_breaker_and_the_figures_of_today(harkara: Harkara, ledger: Database) -> None:
    failed = {"outcome": "handed-over", "failure": "timeout: 8 s", "price": 0, "tokens": 0}
    had_turns(ledger, {"price": 250_000, "tokens": 700}, failed, hours_ago=0)
    had_turns(ledger, {}, hours_ago=25)
    for _ in range(3):
        record_outcome(ledger, failed=True)
    shown = json.loads(harkara("assistant", "status", "--json").stdout)
    assert (shown["state"], shown["mode"], shown["share"], shown["only"]) == ("on", "live", 0.25, 0)
    assert (shown["model"]["name"], shown["model"]["breaker"]) == ("small", "open")
    (lane,) = shown["lanes"]
    today = lane["today"]
    assert (today["turns"], today["answered"], today["handed_over"]) == (2, 1, 1)
    assert (today["p95_ms"], today["tokens"], float(today["spent"])) == (1000, 700, 0.25)
    assert lane["drafts_waiting"] == 0
    lines = harkara("assistant", "status").stdout
    assert "The assistant is on; mode live, share 0.25." in lines
    assert "Model: small, breaker open; tried again at " in lines


def test_off_and_on_are_acts_and_say_whether_they_changed_something(harkara: Harkara, ledger: Database) -> None:
    assert json.loads(harkara("assistant", "off", "--by", "Asha", "--json").stdout) == {"state": "off", "changed": True}
    assert off_since(ledger)
    assert "was off already" in harkara("assistant", "off").stdout
    assert "The assistant is off since " in harkara("assistant", "status").stdout
    assert "The assistant is on, in the lanes of config/assistant.toml." in harkara("assistant", "on").stdout
    assert off_since(ledger) is None
    acts = [(each.act, each.name) for each in list_acts(ledger)]
    assert acts[0][0] == "assistant.switched-on"
    assert acts[1] == ("assistant.switched-off", "Asha")
    assert len(acts) == 2
