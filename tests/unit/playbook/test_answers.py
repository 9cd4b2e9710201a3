"""The outcome of each HTTP status, connection event and exhausted message."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.answers import Answer, NoAnswer, NoAnswerReason, NotSent, NotSentReason, Replied
from harkara.outcomes import Accepted, Pause, Refused, Uncertain, Wait
from harkara.playbook import AttemptContext
from harkara.playbook.table import CATEGORIES
from tests.unit.playbook.judging import CODES, FIRST, LATER, PLAYBOOK, FullJitter, NoJitter, code, judge


def test_an_answer_that_accepts_the_message_gives_its_job_id() -> None:
    assert judge(Replied(202, job_id="job_1", ok=True)) == Accepted("job_1", 202)


def test_too_many_requests_wait_as_long_as_retry_after_and_cost_no_try() -> None:
    waited = judge(Replied(429, retry_after=7.0))
    assert (waited.seconds, waited.spent, waited.status, waited.code) == (7.0, False, 429, "429")
    assert judge(Replied(429)).seconds == 60
    assert judge(Replied(429), replace(LATER, waits=50)).seconds == 60
    assert judge(Replied(429, retry_after=0.0)).seconds == 1.0


def test_service_unavailable_backs_off_and_costs_a_try() -> None:
    assert [judge(Replied(503), replace(FIRST, tries=n)).seconds for n in (1, 2, 3, 4)] == [15, 30, 60, 120]
    assert judge(Replied(503)).spent
    assert judge(Replied(503, retry_after=90.0)).seconds == 90
    assert judge(Replied(503, retry_after=1.0)).seconds == 15


@pytest.mark.parametrize("status", [301, 401, 402, 403, 404])
def test_an_error_that_an_operator_must_fix_parks_the_lane_and_costs_no_try(status: int) -> None:
    parked = judge(Replied(status), LATER)
    assert isinstance(parked, Wait)
    assert (parked.seconds, parked.spent) == (None, False)
    assert parked.pause == Pause("lane", None, str(status), parked.reason)


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_a_refusal_is_final_and_stores_the_providers_text(status: int) -> None:
    refused = judge(Replied(status, text="Text contains invalid characters"))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.text, refused.status) == (str(status), "Text contains invalid characters", status)


def test_an_error_in_a_2xx_is_judged_by_its_code_and_is_final_without_one() -> None:
    assert isinstance(judge(Replied(200, text="No")), Refused)
    assert judge(code(131056, 200)).pause.scope == "recipient"
    assert judge(code(429, 200)).code == "429"
    assert judge(code(401, 200)).pause.scope == "lane"


@pytest.mark.parametrize("status", [500, 502, 504, 520])
def test_a_server_error_is_uncertain_and_sent_again_by_the_policy_of_the_category(status: int) -> None:
    answer = Replied(status)
    after = {category: judge(answer, replace(FIRST, category=category)).resend_after for category in CATEGORIES}
    assert after == {"authentication": 20, "reply": 60, "utility": 60, "marketing": None}
    assert [judge(answer, replace(FIRST, resends=n)).resend_after for n in (1, 2, 3)] == [300, 900, None]


@pytest.mark.parametrize("reason", get_args(NotSentReason))
def test_a_message_that_was_not_sent_is_retried_with_backoff_and_costs_no_try(reason: NotSentReason) -> None:
    waits = [judge(NotSent(reason), replace(LATER, waits=n, waited_for=reason)) for n in (0, 1, 2, 20)]
    assert [wait.seconds for wait in waits] == [2, 4, 8, 300]
    assert not any(wait.spent or wait.pause for wait in waits)


@pytest.mark.parametrize("reason", get_args(NoAnswerReason))
def test_a_lost_answer_is_uncertain_and_sent_again_by_the_policy_of_the_category(reason: NoAnswerReason) -> None:
    after = {
        category: judge(NoAnswer(reason), replace(FIRST, category=category)).resend_after for category in CATEGORIES
    }
    assert after == {"authentication": 20, "reply": None, "utility": None, "marketing": None}


def test_an_uncertain_utility_template_is_sent_again_only_on_evidence() -> None:
    uncertain = judge(NoAnswer("reset"), evidence=True)
    assert (uncertain.resend_after, uncertain.on_evidence) == (600, True)
    assert not judge(NoAnswer("reset")).on_evidence
    assert not judge(Replied(502), evidence=True).on_evidence
    assert not judge(NoAnswer("reset"), replace(FIRST, category="authentication"), evidence=True).on_evidence
    assert judge(NoAnswer("reset"), replace(FIRST, seconds_left=599), evidence=True).resend_after is None
    assert judge(NoAnswer("reset"), replace(FIRST, resends=1), evidence=True).resend_after is None


def test_an_uncertain_code_is_sent_again_once_and_only_while_it_is_valid() -> None:
    otp = replace(FIRST, category="authentication")
    assert judge(NoAnswer("closed"), replace(otp, resends=1)).resend_after is None
    assert judge(NoAnswer("closed"), replace(otp, seconds_left=20)).resend_after is None
    assert judge(NoAnswer("closed"), replace(otp, seconds_left=21)).resend_after == 20


def test_a_message_whose_worker_died_is_uncertain_like_a_lost_answer() -> None:
    assert PLAYBOOK.after_crash(FIRST) == Uncertain("crash", PLAYBOOK.after_crash(FIRST).reason, None)
    assert PLAYBOOK.after_crash(FIRST, evidence=True).resend_after == 600
    assert PLAYBOOK.after_crash(replace(FIRST, category="authentication")).resend_after == 20


def test_an_unknown_category_counts_as_utility() -> None:
    assert judge(Replied(500), replace(FIRST, category="service")).resend_after == 60


def test_the_advice_of_an_exhausted_message_names_the_number_of_tries() -> None:
    refused = judge(Replied(503), LATER)
    assert isinstance(refused, Refused)
    assert refused.advice.startswith("Tried 5 times without success. ")


def test_a_code_can_have_fewer_tries() -> None:
    assert isinstance(judge(code(1), replace(FIRST, tries=3)), Refused)


REPLIES = st.builds(
    Replied,
    status=st.integers(-1, 1200) | st.sampled_from([200, 400, 429, 500, 503]),
    code=st.none() | st.sampled_from(CODES) | st.integers(0, 10**7).map(str) | st.text(max_size=8),
    text=st.text(max_size=40),
    job_id=st.none() | st.text(max_size=8),
    ok=st.booleans(),
    retry_after=st.none() | st.floats(0, 86_400),
)
ANSWERS = REPLIES | st.sampled_from(
    [*map(NotSent, get_args(NotSentReason)), *map(NoAnswer, get_args(NoAnswerReason))],
)
CONTEXTS = st.builds(
    AttemptContext,
    tries=st.integers(0, 10**6),
    waits=st.integers(0, 10**6),
    resends=st.integers(0, 10**6),
    category=st.sampled_from(CATEGORIES) | st.text(max_size=5),
    raw=st.booleans(),
    seconds_left=st.floats(-1e6, 1e9),
)


@given(ANSWERS, CONTEXTS, st.sampled_from(["open", "shut", "unknown"]), st.booleans(), st.randoms())
def test_every_answer_has_an_outcome(
    answer: Answer, context: AttemptContext, window: Any, evidence: bool, rng: random.Random
) -> None:
    outcome = PLAYBOOK.judge(answer, context, rng, window=window, evidence=evidence)
    assert isinstance(outcome, Accepted | Wait | Refused | Uncertain)


@given(ANSWERS, CONTEXTS)
def test_jitter_is_only_added(answer: Answer, context: AttemptContext) -> None:
    least, most = (PLAYBOOK.judge(answer, context, rng) for rng in (NoJitter(), FullJitter()))
    if isinstance(least, Wait) and least.seconds is not None:
        assert isinstance(most, Wait)
        assert most.seconds == pytest.approx(1.25 * least.seconds)
        if isinstance(answer, Replied):
            assert least.seconds >= (answer.retry_after or 0)
    else:
        assert most == least
