"""Conditions on the state of a message, in the form in which both databases use their indexes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, func, literal_column

from harkara.ledger.tables import message
from harkara.states import State


def in_state(*states: State) -> ColumnElement[bool]:
    """A condition on the state as a literal: a bound parameter would hide the partial indexes from both databases."""
    return message.c.state.in_(_literals(states)) if len(states) > 1 else message.c.state == _literals(states)[0]


def still_in(*states: State) -> ColumnElement[bool]:
    """The same for rows that are looked up by id: an expression that no index knows.

    PostgreSQL would otherwise walk the index of the state, thousands of rows, as long as its statistics are young.
    """
    return func.coalesce(message.c.state, literal_column("''")).in_(_literals(states))


def _literals(states: Iterable[State]) -> list[ColumnElement[str]]:
    return [literal_column(f"'{state.value}'") for state in states]


LEASED = in_state(State.QUEUED, State.CLAIMED, State.SENDING)
"""What has a lease. SQLite uses their index only for a query with this very condition, whatever else it asks for."""
