"""The state climbs, whatever the order of the events, and comes to the same end."""

from __future__ import annotations

from functools import reduce
from itertools import chain, combinations, permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.inbound.events import Status
from harkara.inbound.ladder import next_state
from harkara.states import State

STATUSES: tuple[Status, ...] = get_args(Status)
BELOW = [State.WAITING, State.QUEUED, State.CLAIMED, State.SENDING, State.UNCERTAIN, State.ACCEPTED]


def state_after(state: State, events: tuple[Status, ...]) -> State:
    return reduce(lambda current, status: next_state(current, status) or current, events, state)


@pytest.mark.parametrize("state", State)
def test_every_permutation_with_duplicates_ends_in_the_same_state(state: State) -> None:
    sets = chain.from_iterable(combinations(STATUSES, size) for size in range(1, 5))
    for events in sets:
        orders = {state_after(state, order) for order in permutations(events * 2)}
        assert len(orders) == 1, (state, events, orders)


@pytest.mark.parametrize("state", BELOW)
@pytest.mark.parametrize("status", STATUSES)
def test_a_status_moves_any_lower_state_even_that_of_a_message_about_to_be_sent_again(
    state: State, status: Status
) -> None:
    assert next_state(state, status) == State(status)


@pytest.mark.parametrize(
    ("state", "events", "end"),
    [
        (State.SENT, ["delivered"], State.DELIVERED),
        (State.SENT, ["failed"], State.FAILED),
        (State.DELIVERED, ["sent", "failed"], State.DELIVERED),
        (State.DELIVERED, ["read"], State.READ),
        (State.READ, ["sent", "delivered", "failed"], State.READ),
        (State.FAILED, ["sent"], State.FAILED),
        (State.FAILED, ["delivered"], State.DELIVERED),
        (State.FAILED, ["read"], State.READ),
        (State.CANCELLED, ["sent", "delivered", "read", "failed"], State.CANCELLED),
    ],
)
def test_a_state_only_goes_up_the_ladder(state: State, events: list[Status], end: State) -> None:
    assert state_after(state, tuple(events)) == end


@given(st.sampled_from(State), st.sampled_from(STATUSES))
def test_a_repeated_event_changes_nothing(state: State, status: Status) -> None:
    after = next_state(state, status)
    assert after is None or next_state(after, status) is None
