"""What becomes of a model's answer: it is checked, counted by the breaker, and not asked for while halted."""

from __future__ import annotations

import pytest

from harkara.assistant.breaker import MayAsk
from harkara.assistant.guarded_model import GuardedModel
from harkara.assistant.model_answer import ModelOutcome, ask_model
from harkara.assistant.privacy import TalkFilter
from tests.integration.assistant.models import HOURS, model_at, requests_of, talk
from tests.integration.sandbox.process import Sandbox

QUESTION = "When are you open? My card is 4111 1111 1111 1111"


def asked(sandbox: Sandbox, *, may_ask: MayAsk = "probe") -> tuple[ModelOutcome, list[bool]]:
    """Return the outcome of the question, and what the breaker records of it."""
    failures: list[bool] = []
    one = talk(QUESTION)
    with model_at(sandbox.url) as model:
        guarded = GuardedModel(model, lambda: may_ask, failures.append)
        return ask_model(guarded, None, one, TalkFilter(one), [HOURS]), failures


def test_an_answer_is_proposed_with_its_source_and_the_card_stays_here(sandbox: Sandbox) -> None:
    found, failures = asked(sandbox)
    assert found.answer is not None
    assert (found.answer.text, found.answer.source, found.answer.citations) == (HOURS.text, "model", ("hours",))
    assert (found.ending, failures) == (None, [False])
    assert found.reply.tokens > 0
    assert "4111" not in str(requests_of(sandbox))


@pytest.mark.parametrize(
    ("behavior", "cause", "failed"),
    [
        ("invents-price", "unsafe", [False]),
        ("hands-over", "model", [False]),
        ("refuses", "failed", [False]),
        ("not-json", "failed", [True]),
    ],
)
def test_what_must_not_be_sent_goes_to_a_person(
    sandbox: Sandbox, behavior: str, cause: str, failed: list[bool]
) -> None:
    sandbox.set(model_behavior=behavior)
    found, failures = asked(sandbox)
    assert found.ending is not None
    assert (found.answer, found.ending.cause, failures) == (None, cause, failed)


def test_the_breaker_is_given_success_from_a_probe_alone(sandbox: Sandbox) -> None:
    assert asked(sandbox, may_ask="yes")[1] == []
    sandbox.set(model_behavior="not-json")
    assert asked(sandbox, may_ask="yes")[1] == [True]


def test_a_halted_model_is_not_asked(sandbox: Sandbox) -> None:
    found, failures = asked(sandbox, may_ask="no")
    assert found.ending is not None
    assert (found.ending.cause, found.failure, failures) == (
        "failed",
        "halted: the model is halted after failures",
        [],
    )
    assert requests_of(sandbox) == []
