"""Chat Mitra misbehaves in every way that the sandbox knows; what becomes of a message depends on what can be known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product

import pytest

from harkara.ledger.halts import list_halts, unpark
from harness.valkey import valkey
from sandbox.faults import MARKED_NUMBERS
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.mail import CATEGORIES, mail, mails
from tests.acceptance.promises import AGAIN, ONCE, PERHAPS, PERHAPS_NOT, REFUSED, TWICE, Fate

Fates = tuple[Fate, Fate, Fate, Fate]
"""By category, in the order of CATEGORIES: authentication, reply, utility, marketing."""

LOST: Fates = (TWICE, PERHAPS, PERHAPS, PERHAPS)
"""Accepted, and the answer was lost: only a code goes again. Webhooks will tell more."""
LOST_ON_THE_WAY: Fates = (AGAIN, PERHAPS_NOT, PERHAPS_NOT, PERHAPS_NOT)
"""The same to us, but nothing had been accepted."""
SENT: Fates = (ONCE, ONCE, ONCE, ONCE)

MARKED: dict[str, Fates] = {
    "close_after_accept": LOST,
    "never_answer": LOST,
    "reset_after_read": LOST,
    "half_answer": LOST,
    "never_answer_unprocessed": LOST_ON_THE_WAY,
    "server_error": (AGAIN, AGAIN, AGAIN, PERHAPS_NOT),
    "too_many": SENT,
    "unavailable": SENT,
    "silent_drop": SENT,  # as far as anybody can know without webhooks
}
UNDER_A_LIE: Fates = (TWICE, TWICE, TWICE, PERHAPS)
"""HTTP 500 although the message was accepted."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("faults")
    url = f"sqlite:///{folder / 'harkara.db'}"
    with valkey() as server, deployment(folder, server, url, HARKARA_KEEPALIVE="0.5") as one:
        one.start_worker()
        yield one


@pytest.fixture
def harkara(running: Deployment) -> Deployment:
    """A sandbox that behaves, and a lane that is open, whatever the test before has done."""
    running.sandbox.behave()
    unpark(running.ledger, "default")
    return running


def test_every_fault_that_hits_one_message_ends_as_it_must(harkara: Deployment) -> None:
    """Each fault, met once by a message of each category; a repeat gets through."""
    harkara.sandbox.faults(markers=True)
    numbers = {fault: number for number, fault in MARKED_NUMBERS.items()}
    letters = {(f, c): mail(c, to=numbers[f]) for f, c in product(MARKED, CATEGORIES)}
    verdict = harkara.deliver(list(letters.values()))
    fates = {met: verdict.fates[letter.id] for met, letter in letters.items()}
    assert fates == {(f, c): fate for f in MARKED for c, fate in zip(CATEGORIES, MARKED[f], strict=True)}
    verdict.assert_kept(uncertain=16)
    assert {harkara.status(letters["too_many", c])["tries"] for c in CATEGORIES} == {1}


def test_a_refusal_inside_a_success_is_no_success(harkara: Deployment) -> None:
    """Whatever its shape. One of them has a code that asks for another try."""
    number = next(number for number, fault in MARKED_NUMBERS.items() if fault == "refuse_in_2xx")
    harkara.sandbox.faults(markers=True)
    verdict = harkara.deliver(mails(8, ("reply", "utility"), to=number))
    assert set(verdict.fates.values()) <= {REFUSED, ONCE}
    assert REFUSED in verdict.fates.values()
    verdict.assert_kept()


def test_a_server_error_after_accepting_is_taken_for_what_it_may_be(harkara: Deployment) -> None:
    number = next(number for number, fault in MARKED_NUMBERS.items() if fault == "server_error")
    harkara.sandbox.faults(markers=True, server_error_after_accept=True)
    letters = [mail(category, to=number) for category in CATEGORIES]
    verdict = harkara.deliver(letters)
    assert tuple(verdict.fates[letter.id] for letter in letters) == UNDER_A_LIE
    verdict.assert_kept(uncertain=1)


def test_a_connection_that_is_reset_unread_looks_like_one_that_was_read(harkara: Deployment) -> None:
    harkara.sandbox.faults(reset_before_read_share=1)
    letters = [mail(category) for category in CATEGORIES]
    harkara.hand_over(letters)
    harkara.wait(lambda: harkara.sandbox.met("reset_before_read") == 4, "each is reset")
    harkara.sandbox.behave()
    harkara.wait_for(letters)
    verdict = harkara.examine(letters)
    assert tuple(verdict.fates[letter.id] for letter in letters) == LOST_ON_THE_WAY
    verdict.assert_kept(uncertain=3)


@pytest.mark.parametrize(
    "oddity",
    [{"latency_ms": [50, 1500]}, {"slow_drip_ms": 5}, {"success_status": 200}],
    ids=["latency", "slow drip", "200 for 202"],
)
def test_what_is_only_odd_does_no_harm(harkara: Deployment, oddity: dict[str, object]) -> None:
    harkara.sandbox.faults(**oddity)
    verdict = harkara.deliver(mails(40, CATEGORIES))
    assert set(verdict.fates.values()) == {ONCE}


def test_idle_connections_are_left_before_the_server_closes_them(harkara: Deployment) -> None:
    """Ours rest half a second at most, the server's a whole one: there is no race, and so no doubt."""
    harkara.sandbox.faults(keepalive_seconds=1)
    for _ in range(4):
        verdict = harkara.deliver(mails(20, ("reply",)))
        assert set(verdict.fates.values()) == {ONCE}
        time.sleep(0.9)


@pytest.mark.parametrize("switch", ["unauthorized", "no_credits"])
def test_what_only_a_person_can_mend_parks_the_lane_and_burns_nothing(harkara: Deployment, switch: str) -> None:
    harkara.sandbox.faults(**{switch: True})
    letters = mails(20, CATEGORIES)
    harkara.hand_over(letters)
    harkara.wait(lambda: [halt["state"] for halt in list_halts(harkara.ledger)] == ["parked"], "the lane is parked")
    harkara.wait(lambda: harkara.states()["waiting"] == 20, "all wait")
    harkara.sandbox.behave()
    unpark(harkara.ledger, "default")
    harkara.wait_for(letters)
    assert set(harkara.examine(letters).fates.values()) == {ONCE}
    assert {harkara.status(letter)["tries"] for letter in letters} == {1}


def test_a_storm_of_429_costs_nobody_a_try(harkara: Deployment) -> None:
    """Nor do WhatsApp's own words for it: 130429 for the lane, 131056 for one person."""
    harkara.sandbox.faults(too_many_share=1, retry_after=1)
    letters = mails(40, ("reply", "utility"))
    harkara.hand_over(letters)
    harkara.wait(lambda: harkara.sandbox.met("too_many") >= 10, "the storm is felt")
    for code in (130429, 131056):
        harkara.sandbox.faults(too_many_share=0, code_next={"code": code, "count": 5})
        harkara.wait(lambda: not harkara.sandbox.switches()["code_next"]["count"], f"{code} is felt")
    harkara.wait_for(letters)
    assert set(harkara.examine(letters).fates.values()) == {ONCE}
    assert {harkara.status(letter)["tries"] for letter in letters} == {1}


def test_while_chatmitra_is_away_everything_waits_and_nothing_burns(harkara: Deployment) -> None:
    """The port is closed: surely nothing was sent. Last, since the sandbox forgets what it has seen."""
    (sandbox,) = (process for process in harkara.processes if process.name.startswith("sandbox"))
    sandbox.kill()
    letters = mails(60, CATEGORIES)
    harkara.hand_over(letters)
    harkara.wait(lambda: list_halts(harkara.ledger) != [], "the breaker opens")
    harkara.start_sandbox()
    harkara.wait_for(letters)
    verdict = harkara.examine(letters)
    assert set(verdict.fates.values()) == {ONCE}
    assert {harkara.status(letter)["tries"] for letter in letters} == {1}
    verdict.assert_kept()
