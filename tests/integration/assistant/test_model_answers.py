"""What the assistant proposes with a model: checked answers, and a person where there is none."""

from __future__ import annotations

import pytest

from harkara.assistant.model_answers import BACKUP, CHECKING, ModelAnswers, ModelBreaker
from harkara.assistant.talk import Proposal
from tests.integration.assistant.models import HOURS, model_at, requests_of, talk
from tests.integration.sandbox.process import Sandbox

QUESTION = "When are you open? My card is 4111 1111 1111 1111"


def proposed(sandbox: Sandbox, question: str = QUESTION, *, may_ask: bool = True) -> tuple[Proposal, list[bool]]:
    """Return the proposal, and what the breaker records of each question."""
    failures: list[bool] = []
    with model_at(sandbox.url) as model:
        answers = ModelAnswers(model, {}, ModelBreaker(lambda: may_ask, failures.append))
        return answers.propose(talk(question), [HOURS]), failures


def test_an_answer_is_sent_with_its_source_and_the_card_stays_here(sandbox: Sandbox) -> None:
    found, failures = proposed(sandbox)
    assert (found.texts, found.source, found.citations) == ((HOURS.text,), "model", ("faq:hours",))
    assert (found.hand_over, failures) == (None, [False])
    assert found.tokens > 0
    assert "4111" not in str(requests_of(sandbox))


@pytest.mark.parametrize(
    ("behavior", "cause", "text", "failed"),
    [
        ("invents-price", "unsafe", CHECKING, [False]),
        ("hands-over", "model", CHECKING, [False]),
        ("refuses", "failed", BACKUP, [False]),
        ("not-json", "failed", BACKUP, [True]),
    ],
)
def test_what_must_not_be_sent_goes_to_a_person(
    sandbox: Sandbox, behavior: str, cause: str, text: str, failed: list[bool]
) -> None:
    sandbox.set(model_behavior=behavior)
    found, failures = proposed(sandbox)
    assert (found.hand_over, found.texts, failures) == (cause, (text,), failed)
    assert found.summary
    assert "4111" not in found.summary


def test_a_halted_model_is_not_asked(sandbox: Sandbox) -> None:
    found, failures = proposed(sandbox, may_ask=False)
    assert (found.hand_over, found.source, found.texts, failures) == ("failed", "backup", (BACKUP,), [])
    assert requests_of(sandbox) == []


def test_without_a_model_a_person_goes_on() -> None:
    found = ModelAnswers(None, {}, ModelBreaker(lambda: True, bool)).propose(talk("Hello"))
    assert (found.hand_over, found.source, found.texts) == ("unknown", "rule", (CHECKING,))
