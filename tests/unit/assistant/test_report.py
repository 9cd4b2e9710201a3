"""The figures of the assistant are those of its turns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from harkara.assistant.report import AssistantReport, TurnFacts, report_turns

SINCE = datetime(2026, 11, 22, tzinfo=UTC)


def turn(outcome: str, person: str = "a", **other: Any) -> TurnFacts:
    values = {"source": "faq", "hand_over": None, "decision": None, "milliseconds": 100, "tokens": 0, "price": 0}
    return TurnFacts(person=person, outcome=outcome, **values | other)


def report(*turns: TurnFacts) -> AssistantReport:
    return report_turns(turns, since=SINCE, exact=True)


def test_answers_are_counted_by_source_and_those_given_to_a_person_by_cause() -> None:
    found = report(
        turn("sent"),
        turn("sent", source="model", tokens=900, price=125_000),
        turn("sent", "b"),
        turn("handed-over", "b", hand_over="asked", source="rule"),
        turn("handed-over", hand_over="asked", source="rule"),
        turn("handed-over", hand_over="unknown", source="model", price=75_000),
        turn("failed"),
        turn("superseded", hand_over="asked"),
        turn("silent"),
    )
    assert (found.turns, found.conversations, found.answered, found.handed_over) == (9, 2, 3, 3)
    assert found.answered_by == {"faq": 2, "model": 1}
    assert found.handed_over_by == {"asked": 2, "unknown": 1}
    assert (found.failed, found.superseded, found.tokens, found.spent) == (1, 1, 900, "0.200000")
    assert found.share_without_person == 3 / 7


def test_recorded_answers_and_drafts_are_counted_apart() -> None:
    found = report(
        turn("shadow"),
        turn("shadow", hand_over="anger"),
        turn("draft"),
        turn("draft", decision="discarded"),
        turn("sent", decision="edited"),
        turn("handed-over", decision="unchanged", hand_over="asked"),
    )
    assert (found.shadow, found.shadow_handed_over, found.answered) == (2, 1, 1)
    assert found.drafts == {"undecided": 1, "discarded": 1, "edited": 1, "unchanged": 1}


def test_the_times_are_those_of_answers_that_a_customer_waited_for() -> None:
    slow = (turn("superseded", milliseconds=60_000), turn("silent", milliseconds=60_000))
    found = report(*slow, *(turn("sent", milliseconds=10 * n) for n in range(1, 101)))
    assert (found.median_ms, found.p95_ms) == (500, 950)
    assert (report(*slow).median_ms, report().p95_ms, report().share_without_person) == (None, None, None)
