"""The lifecycle page shows exactly the transitions that harkara/states.py declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from harkara.inbound import ladder
from harkara.inbound.events import Status
from harkara.states import (
    DONE,
    FINAL,
    REPLACEMENT,
    TRANSITIONS,
    UNSENT,
    Action,
    State,
    allowed_from,
    unreachable_from,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md"
SECTION = re.compile(r"(<!-- transitions: [^\n]*-->\n).*?(<!-- end of transitions -->\n)", re.DOTALL)


def render() -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *_arrows(), "```", "", *_table(), ""])


def _arrows() -> Iterator[str]:
    """The diagram shows each transition from its usual state; the table below it shows all."""
    for each in TRANSITIONS:
        yield f"    {each.sources[0] if each.sources else '[*]'} --> {each.target}: {each.when}"


def _table() -> Iterator[str]:
    yield "| action | from | to | when |"
    yield "| --- | --- | --- | --- |"
    for each in TRANSITIONS:
        sources = ", ".join(f"`{state}`" for state in State if state in each.sources)
        yield f"| {each.by} | {sources or 'a new message'} | `{each.target}` | {each.when} |"


def test_the_page_shows_the_declared_transitions() -> None:
    page = PAGE.read_text("utf-8")
    assert SECTION.search(page), f"{PAGE.name} has no section between the markers of the transitions"
    assert page == _rendered(page), "run `python -m tests.unit.test_lifecycle` to render the section again"


def test_every_state_is_reached_and_only_cancelled_and_read_have_no_way_out() -> None:
    assert {each.target for each in TRANSITIONS} == set(State)
    left = {source for each in TRANSITIONS for source in each.sources}
    assert set(State) - left == {State.CANCELLED, State.READ}


def test_each_transition_is_declared_once() -> None:
    pairs = [(source, each.target, each.by) for each in TRANSITIONS for source in each.sources or (None,)]
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("state", sorted(DONE))
def test_a_message_that_is_done_is_never_sent_again_but_as_its_fallback(state: State) -> None:
    unsent = {*UNSENT, State.SENDING, State.UNCERTAIN}
    assert unsent <= set(unreachable_from(state, without=REPLACEMENT))
    assert (unsent <= set(unreachable_from(state))) == (state not in REPLACEMENT.sources)


def test_only_a_webhook_changes_a_final_message() -> None:
    assert {each.by for each in TRANSITIONS if FINAL.intersection(each.sources)} == {Action.WEBHOOK}


def test_an_action_changes_nothing_that_is_not_declared() -> None:
    assert allowed_from(State.SENDING, by=Action.BEGIN) == (State.CLAIMED,)
    assert allowed_from(State.SENDING, by=Action.CLAIM) == ()


@pytest.mark.parametrize("state", State)
def test_the_ladder_of_webhooks_climbs_only_where_the_table_permits(state: State) -> None:
    climbed = {to for status in get_args(Status) if (to := ladder.next_state(state, status))}
    by_webhook = [each for each in TRANSITIONS if each.by is Action.WEBHOOK and each is not REPLACEMENT]
    assert climbed == {each.target for each in by_webhook if state in each.sources}


def _rendered(page: str) -> str:
    return SECTION.sub(lambda match: f"{match[1]}\n{render()}\n{match[2]}", page)


if __name__ == "__main__":
    PAGE.write_text(_rendered(PAGE.read_text("utf-8")), "utf-8")
