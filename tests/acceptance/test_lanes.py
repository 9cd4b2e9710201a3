"""Fairness between lanes and between producers, and priority of urgent messages."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from harkara import Category
from harkara.ledger.halts import list_halts
from harness.ledger import copied_ledger
from harness.postgres import PostgresServer
from harness.valkey import valkey
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.messages import CATEGORIES, new_message, new_messages
from tests.acceptance.promises import ONCE
from tests.integration.ledger.steps import unpark
from tests.message_states import count_by_state

BACKLOG = 1_500
SLOTS = 20
"""The most of the campaign that is sent before an urgent message: without priority it would be the whole campaign."""

LANES = """
[shop]
allowance = "20/10s"
[clinic]
allowance = "none"
[school]
allowance = "none"
"""
TOKENS = "shop:shop-token,clinic:clinic-token,school:school-token"


@pytest.fixture(scope="module")
def harkara(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer) -> Iterator[Deployment]:
    """The shop's campaign waits for its slots, of which there are two a second."""
    folder = tmp_path_factory.mktemp("lanes")
    (folder / "lanes.toml").write_text(LANES)
    settings = {"HARKARA_LANE_TOKENS": TOKENS, "HARKARA_LEASE": "10"}
    with (
        valkey() as server,
        deployment(folder, server, copied_ledger(postgres_server), **settings) as running,
    ):
        running.accept(new_messages(BACKLOG, ("marketing",), lane="shop", producer="campaign"))
        running.start_worker()
        running.wait_accepted(10)
        yield running


def test_the_waiting_campaign_of_one_lane_does_not_delay_another(harkara: Deployment) -> None:
    assert slots_until_accepted(harkara, lane="clinic") <= SLOTS
    assert slots_until_accepted(harkara, lane="clinic", through_redis=True) <= SLOTS
    assert harkara.states()["waiting"] > BACKLOG / 2


@pytest.mark.parametrize("through_redis", [False, True], ids=["ledger", "redis"])
def test_a_code_behind_a_campaign_is_sent_in_one_of_the_next_slots(harkara: Deployment, through_redis: bool) -> None:
    for _ in range(3):
        assert slots_until_accepted(harkara, "authentication", lane="shop", through_redis=through_redis) <= SLOTS
    assert harkara.states()["waiting"] > BACKLOG / 2


def test_producers_of_one_lane_take_turns(harkara: Deployment) -> None:
    """The five messages of the till wait for five of the campaign, not for all."""
    few = new_messages(5, ("marketing",), lane="shop", producer="till")
    called = time.time()
    harkara.accept(few)
    harkara.wait_until(
        lambda: all(harkara.sandbox.accepted_times(envelope.to) for envelope in few), "the five are accepted"
    )
    arrived = max(harkara.sandbox.accepted_times(envelope.to)[0] for envelope in few)
    assert sum(called <= at < arrived for at in harkara.sandbox.accepted_times()) <= len(few) * 2 + SLOTS
    assert harkara.states()["waiting"] > BACKLOG / 2


@pytest.mark.parametrize(("switch", "code"), [("unauthorized", "401"), ("no_credits", "402")])
def test_a_refused_account_parks_only_its_own_lane_until_it_is_unparked(
    harkara: Deployment, switch: str, code: str
) -> None:
    harkara.sandbox.set_faults(**{switch: ["clinic-token"]})
    clinic, school = new_messages(20, CATEGORIES, lane="clinic"), new_messages(20, CATEGORIES, lane="school")
    harkara.accept(clinic + school)
    harkara.wait_verdict(school)
    assert set(harkara.examine(school).results.values()) == {ONCE}
    harkara.wait_until(lambda: list_halts(harkara.ledger), "the clinic's lane is parked")
    assert [(halt.lane, halt.state, halt.code) for halt in list_halts(harkara.ledger)] == [("clinic", "parked", code)]
    harkara.wait_until(
        lambda: count_by_state(harkara.ledger)["clinic"].get("waiting") == len(clinic), "the clinic's messages wait"
    )
    refused = harkara.sandbox.count(f"refused_{code}")
    harkara.deliver(
        new_messages(60, lane="school")
    )  # more than one dispatch releases, so further dispatches skip the parked lane
    assert harkara.sandbox.count(f"refused_{code}") == refused
    assert {harkara.status(envelope)["tries"] for envelope in clinic} == {0}
    harkara.sandbox.reset_faults()
    assert unpark(harkara.ledger, "clinic") == 1
    harkara.wait_verdict(clinic)
    assert set(harkara.examine(clinic).results.values()) == {ONCE}


def slots_until_accepted(
    harkara: Deployment, category: Category = "utility", *, lane: str, through_redis: bool = False
) -> int:
    """Return how many messages of the campaign arrive between the client's call and its message."""
    envelope = new_message(category, lane=lane)
    with harkara.client() if through_redis else harkara.direct_client() as client:
        client.send_many([new_message("reply", lane="school")])  # opens the connections, as in a running application
        called = time.time()
        client.send_many([envelope])
    harkara.wait_until(lambda: harkara.sandbox.accepted_times(envelope.to), "the sandbox has received it")
    (arrived,) = harkara.sandbox.accepted_times(envelope.to)
    return sum(called <= at < arrived for at in harkara.sandbox.accepted_times())
