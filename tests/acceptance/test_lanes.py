"""Nobody feels the flood of another lane or producer, nor another's refused account, and what is urgent goes first."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from harkara import Category
from harkara.ledger.halts import list_halts, unpark
from harness.postgres import PostgresServer
from harness.valkey import valkey
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.mail import CATEGORIES, mail, mails
from tests.acceptance.promises import ONCE

FLOOD = 10_000
SLOT = 0.5
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
    """The shop's campaign waits for its slots; two each second leave."""
    folder = tmp_path_factory.mktemp("lanes")
    (folder / "lanes.toml").write_text(LANES)
    settings = {"HARKARA_LANE_TOKENS": TOKENS, "HARKARA_LEASE": "10"}
    with valkey() as server, deployment(folder, server, postgres_server.create_database("lanes"), **settings) as one:
        one.hand_over(mails(FLOOD, ("marketing",), lane="shop", producer="campaign"))
        one.start_worker()
        one.wait_accepted(10)
        yield one


def test_ten_thousand_waiting_messages_of_one_lane_do_not_delay_another(harkara: Deployment) -> None:
    assert seconds_until_accepted(harkara, lane="clinic") <= 1
    assert seconds_until_accepted(harkara, lane="clinic", through_redis=True) <= 1.5
    assert harkara.states()["waiting"] > FLOOD / 2


@pytest.mark.parametrize("through_redis", [False, True], ids=["ledger", "redis"])
def test_a_code_behind_ten_thousand_marketing_messages_goes_within_a_slot_and_a_second(
    harkara: Deployment, through_redis: bool
) -> None:
    for _ in range(3):
        taken = seconds_until_accepted(harkara, "authentication", lane="shop", through_redis=through_redis)
        assert taken <= SLOT + 1
    assert harkara.states()["waiting"] > FLOOD / 2


def test_producers_of_one_lane_take_turns(harkara: Deployment) -> None:
    """The till's five wait for five of the campaign's, not for thousands."""
    few = mails(5, ("marketing",), lane="shop", producer="till")
    handed_over = time.time()
    harkara.hand_over(few)
    harkara.wait(lambda: all(harkara.sandbox.times(letter.to) for letter in few), "the five are accepted")
    assert max(harkara.sandbox.times(letter.to)[0] for letter in few) - handed_over <= 30 * SLOT
    assert harkara.states()["waiting"] > FLOOD / 2


@pytest.mark.parametrize(("switch", "code"), [("unauthorized", "401"), ("no_credits", "402")])
def test_a_refused_account_parks_its_own_lane_and_unpark_lets_it_flow(
    harkara: Deployment, switch: str, code: str
) -> None:
    harkara.sandbox.faults(**{switch: ["clinic-token"]})
    clinic, school = mails(20, CATEGORIES, lane="clinic"), mails(20, CATEGORIES, lane="school")
    harkara.hand_over(clinic + school)
    harkara.wait_for(school)
    assert set(harkara.examine(school).fates.values()) == {ONCE}
    harkara.wait(lambda: harkara.examine(clinic).states == {"waiting": 20}, "the clinic's messages wait")
    assert [(halt["lane"], halt["state"], halt["code"]) for halt in list_halts(harkara.ledger)] == [
        ("clinic", "parked", code)
    ]
    refused = harkara.sandbox.met(f"refused_{code}")
    harkara.deliver(mails(60, lane="school"))  # more than are hinted at once: rounds are made, and leave the lane alone
    assert harkara.sandbox.met(f"refused_{code}") == refused
    assert {harkara.status(letter)["tries"] for letter in clinic} == {0}
    harkara.sandbox.behave()
    assert unpark(harkara.ledger, "clinic") == 1
    harkara.wait_for(clinic)
    assert set(harkara.examine(clinic).fates.values()) == {ONCE}


def seconds_until_accepted(
    harkara: Deployment, category: Category = "utility", *, lane: str, through_redis: bool = False
) -> float:
    """From the moment at which the application calls to the moment at which the sandbox has it."""
    letter = mail(category, lane=lane)
    with harkara.client() if through_redis else harkara.direct_client() as client:
        client.send_many([mail("reply", lane="school")])  # connections are made, as in an application that runs
        called = time.time()
        client.send_many([letter])
    harkara.wait(lambda: harkara.sandbox.times(letter.to), "the sandbox has it")
    return harkara.sandbox.times(letter.to)[0] - called
