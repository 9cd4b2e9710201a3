"""The metrics of the assistant: what a worker wrote, and what the ledger shows."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import REGISTRY, CollectorRegistry

from config.assistant_metrics import AssistantCollector, observe_turn
from config.goal_metrics import GoalCollector
from config.scraped_metrics import DeploymentCollector
from harkara.assistant.talk import Proposal
from harkara.chatmitra.webhooks import parse
from harkara.delivery.thinking import Thinker
from harkara.errors import HarkaraError, Unavailable
from harkara.ledger.conversations.proposals import count_drafts
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import NoPrivilege, OtherSchema
from tests.integration.ledger.turns import DRAFTS, LIMITS, LIVE, Parrot, answer, claimed, wrote

PRICED = Proposal(
    texts=("At nine.",), source="model", tokens=900, price=250_000, milliseconds=1500, failure="timeout: 8 s"
)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"harkara_assistant_{name}", labels) or 0.0


def test_a_turn_is_counted_with_its_time_tokens_and_cost(db: Database) -> None:
    before = [value("tokens_total", lane="default"), value("cost_total", lane="default")]
    turns = value("turns_total", lane="default", outcome="sent", source="model")
    wrote(db, "When do you open?")
    Thinker(db, Parrot(PRICED), LIVE, LIMITS, parse, lambda hints: None, on_turn=observe_turn).think(claimed(db))
    assert value("turns_total", lane="default", outcome="sent", source="model") == turns + 1
    assert value("tokens_total", lane="default") == before[0] + 900
    assert value("cost_total", lane="default") == before[1] + 0.25
    assert value("seconds_bucket", lane="default", source="model", le="2.0") >= 1
    assert value("failures_total", lane="default", cause="timeout") >= 1


def test_the_ledger_shows_the_switch_the_breaker_and_the_drafts(db: Database) -> None:
    wrote(db, "Hello", rules=DRAFTS)
    answer(db, rules=DRAFTS)
    registry = CollectorRegistry()
    registry.register(AssistantCollector(lambda: True, lambda: "open", lambda: count_drafts(db, ["default", "north"])))
    assert registry.get_sample_value("harkara_assistant_off") == 1
    assert registry.get_sample_value("harkara_assistant_breaker", {"state": "open"}) == 1
    assert registry.get_sample_value("harkara_assistant_drafts", {"lane": "default"}) == 1
    assert registry.get_sample_value("harkara_assistant_drafts", {"lane": "north"}) == 0
    wrote(db, "Forget it", rules=DRAFTS)
    assert registry.get_sample_value("harkara_assistant_drafts", {"lane": "default"}) == 0


@pytest.mark.parametrize(
    "error", [Unavailable("the ledger is away"), NoPrivilege("a privilege"), OtherSchema("a table")]
)
def test_without_the_ledger_the_others_are_still_served(error: HarkaraError) -> None:
    def away() -> Any:
        raise error

    registry = CollectorRegistry()
    registry.register(AssistantCollector(away, lambda: "closed", dict))
    registry.register(GoalCollector(away, away, away, away))
    assert list(registry.collect()) == []
    registry.register(DeploymentCollector(dict, away, away, away, away, away, away))
    assert registry.get_sample_value("harkara_service_up", {"service": "database"}) == 0
    assert registry.get_sample_value("harkara_service_up", {"service": "redis"}) == 1
