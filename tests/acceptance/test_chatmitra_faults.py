"""Every fault of Chat Mitra that the sandbox can cause, and the resulting state of a message."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product

import pytest

from harkara.ledger.halts import list_halts
from harness.valkey import valkey
from sandbox.fault_state import MARKED_NUMBERS
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.messages import CATEGORIES, new_message, new_messages
from tests.acceptance.promises import (
    FAILED,
    ONCE,
    RESENT,
    TWICE,
    UNCERTAIN_LOST,
    UNCERTAIN_SENT,
    Result,
)
from tests.integration.ledger.steps import unpark

Results = tuple[Result, Result, Result, Result]
"""By category in the order of CATEGORIES: authentication, reply, utility, marketing."""

LOST_AFTER: Results = (TWICE, UNCERTAIN_SENT, UNCERTAIN_SENT, UNCERTAIN_SENT)
"""Accepted, and the response was lost: only a code is sent again, since this deployment has no webhooks."""
LOST_BEFORE: Results = (RESENT, UNCERTAIN_LOST, UNCERTAIN_LOST, UNCERTAIN_LOST)
"""Not accepted, which looks the same to Harkara."""
SENT: Results = (ONCE, ONCE, ONCE, ONCE)

MARKED: dict[str, Results] = {
    "close_after_accept": LOST_AFTER,
    "never_answer": LOST_AFTER,
    "reset_after_read": LOST_AFTER,
    "half_answer": LOST_AFTER,
    "never_answer_unprocessed": LOST_BEFORE,
    "server_error": (RESENT, RESENT, RESENT, UNCERTAIN_LOST),
    "too_many": SENT,
    "unavailable": SENT,
    "silent_drop": SENT,  # the loss is invisible without webhooks
}
AFTER_A_WRONG_ERROR: Results = (TWICE, TWICE, TWICE, UNCERTAIN_SENT)
"""HTTP 500 although Chat Mitra accepted the message."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("faults")
    url = f"sqlite:///{folder / 'harkara.db'}"
    with valkey() as server, deployment(folder, server, url, HARKARA_KEEPALIVE="0.5") as running:
        running.start_worker()
        yield running


@pytest.fixture
def harkara(running: Deployment) -> Deployment:
    """The deployment without faults and with an open lane, whatever the previous test did."""
    running.sandbox.reset_faults()
    unpark(running.ledger, "default")
    return running


def test_every_fault_of_one_request_leads_to_the_right_state(harkara: Deployment) -> None:
    """Each fault hits the first request of a message of each category; a resend passes."""
    harkara.sandbox.set_faults(markers=True)
    numbers = {fault: number for number, fault in MARKED_NUMBERS.items()}
    envelopes = {(f, c): new_message(c, to=numbers[f]) for f, c in product(MARKED, CATEGORIES)}
    verdict = harkara.deliver(list(envelopes.values()))
    results = {key: verdict.results[envelope.id] for key, envelope in envelopes.items()}
    assert results == {(f, c): result for f in MARKED for c, result in zip(CATEGORIES, MARKED[f], strict=True)}
    verdict.assert_kept(uncertain=16)
    assert {harkara.status(envelopes["too_many", c])["tries"] for c in CATEGORIES} == {1}


def test_an_error_body_under_a_success_status_is_an_error(harkara: Deployment) -> None:
    """Every known shape of the body is one; one shape has a code that permits a retry."""
    number = next(number for number, fault in MARKED_NUMBERS.items() if fault == "refuse_in_2xx")
    harkara.sandbox.set_faults(markers=True)
    verdict = harkara.deliver(new_messages(8, ("reply", "utility"), to=number))
    assert set(verdict.results.values()) <= {FAILED, ONCE}
    assert FAILED in verdict.results.values()
    verdict.assert_kept()


def test_a_server_error_after_accepting_may_lead_to_a_flagged_duplicate(harkara: Deployment) -> None:
    number = next(number for number, fault in MARKED_NUMBERS.items() if fault == "server_error")
    harkara.sandbox.set_faults(markers=True, server_error_after_accept=True)
    envelopes = [new_message(category, to=number) for category in CATEGORIES]
    verdict = harkara.deliver(envelopes)
    assert tuple(verdict.results[envelope.id] for envelope in envelopes) == AFTER_A_WRONG_ERROR
    verdict.assert_kept(uncertain=1)


def test_a_connection_reset_before_reading_counts_as_a_lost_response(harkara: Deployment) -> None:
    harkara.sandbox.set_faults(reset_before_read_share=1)
    envelopes = [new_message(category) for category in CATEGORIES]
    harkara.accept(envelopes)
    harkara.wait_until(lambda: harkara.sandbox.count("reset_before_read") == 4, "each is reset")
    harkara.sandbox.reset_faults()
    harkara.wait_verdict(envelopes)
    verdict = harkara.examine(envelopes)
    assert tuple(verdict.results[envelope.id] for envelope in envelopes) == LOST_BEFORE
    verdict.assert_kept(uncertain=3)


@pytest.mark.parametrize(
    "switches",
    [{"latency_ms": [50, 500]}, {"slow_drip_ms": 1}, {"success_status": 200}],
    ids=["latency", "slow drip", "200 for 202"],
)
def test_slow_responses_and_status_200_change_nothing(harkara: Deployment, switches: dict[str, object]) -> None:
    """Each response takes a small part of the read timeout, so a busy host has room for the rest."""
    harkara.sandbox.set_faults(**switches)
    verdict = harkara.deliver(new_messages(40, CATEGORIES))
    assert set(verdict.results.values()) == {ONCE}


def test_idle_connections_are_closed_before_the_server_closes_them(harkara: Deployment) -> None:
    """Harkara closes after half a second, the server after a second, so there is no race."""
    harkara.sandbox.set_faults(keepalive_seconds=1)
    for _ in range(4):
        verdict = harkara.deliver(new_messages(20, ("reply",)))
        assert set(verdict.results.values()) == {ONCE}
        time.sleep(0.9)


@pytest.mark.parametrize("switch", ["unauthorized", "no_credits"])
def test_an_error_that_needs_an_operator_parks_the_lane_and_uses_no_attempt(harkara: Deployment, switch: str) -> None:
    harkara.sandbox.set_faults(**{switch: True})
    envelopes = new_messages(20, CATEGORIES)
    harkara.accept(envelopes)
    harkara.wait_until(lambda: [halt.state for halt in list_halts(harkara.ledger)] == ["parked"], "the lane is parked")
    harkara.wait_until(lambda: harkara.states()["waiting"] == 20, "all wait")
    harkara.sandbox.reset_faults()
    unpark(harkara.ledger, "default")
    harkara.wait_verdict(envelopes)
    assert set(harkara.examine(envelopes).results.values()) == {ONCE}
    assert {harkara.status(envelope)["tries"] for envelope in envelopes} == {1}


def test_many_429_responses_use_no_attempt(harkara: Deployment) -> None:
    """The same holds for WhatsApp's codes 130429 (the account) and 131056 (one recipient)."""
    harkara.sandbox.set_faults(too_many_share=1, retry_after=1)
    envelopes = new_messages(40, ("reply", "utility"))
    harkara.accept(envelopes)
    harkara.wait_until(lambda: harkara.sandbox.count("too_many") >= 10, "ten requests got 429")
    for code in (130429, 131056):
        harkara.sandbox.set_faults(too_many_share=0, code_next={"code": code, "count": 5})
        harkara.wait_until(lambda: not harkara.sandbox.switches()["code_next"]["count"], f"{code} was returned")
    harkara.wait_verdict(envelopes)
    assert set(harkara.examine(envelopes).results.values()) == {ONCE}
    assert {harkara.status(envelope)["tries"] for envelope in envelopes} == {1}


def test_while_chatmitra_is_unreachable_messages_wait_and_use_no_attempt(harkara: Deployment) -> None:
    """The port is closed, so nothing was sent. This test is last, since it clears the sandbox's history."""
    (sandbox,) = (process for process in harkara.processes if process.name.startswith("sandbox"))
    sandbox.kill()
    envelopes = new_messages(60, CATEGORIES)
    harkara.accept(envelopes)
    harkara.wait_until(lambda: list_halts(harkara.ledger) != [], "the breaker opens")
    harkara.start_sandbox()
    harkara.wait_verdict(envelopes)
    verdict = harkara.examine(envelopes)
    assert set(verdict.results.values()) == {ONCE}
    assert {harkara.status(envelope)["tries"] for envelope in envelopes} == {1}
    verdict.assert_kept()
