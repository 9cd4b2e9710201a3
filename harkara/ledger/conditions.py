"""Conditions on messages and their POSTs, in the form that lets both databases use their indexes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, ColumnElement, func, literal_column, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal

from harkara.ledger.tables import attempt, message
from harkara.states import DONE, State


class Implied(ColumnElement[bool]):
    """A condition that another one implies, in the words of a partial index, which SQLite compares.

    PostgreSQL finds out by itself, and would multiply the shares of both: it would expect a few rows of thousands, and
    read them all to sort them.
    """

    inherit_cache = True
    type = Boolean()
    _traverse_internals = [("condition", InternalTraversal.dp_clauseelement)]  # noqa: RUF012  # as SQLAlchemy names it

    def __init__(self, condition: ColumnElement[bool]) -> None:
        self.condition = condition

    def self_group(self, against: Any = None) -> Implied:
        """Return the condition as it is: SQLAlchemy would add `= 1` for SQLite, which then finds no index."""
        return self


@compiles(Implied)
def _in_its_words(element: Implied, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.condition, **options)


@compiles(Implied, "postgresql")
def _without_it(_element: Implied, _compiler: SQLCompiler, **_options: Any) -> str:
    return "true"


def in_state(*states: State) -> ColumnElement[bool]:
    """Compare the state with literals: a bound parameter would hide the partial indexes from both databases."""
    return message.c.state.in_(_literals(states)) if len(states) > 1 else message.c.state == _literals(states)[0]


def still_in(*states: State) -> ColumnElement[bool]:
    """Do the same for rows that are looked up by id, as an expression that matches no index.

    PostgreSQL would otherwise scan the index of the state, thousands of rows, while its statistics are young.
    """
    return func.coalesce(message.c.state, literal_column("''")).in_(_literals(states))


def unlocked(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Lock the messages that meet the conditions, without those that another transaction has locked, and match them.

    A statement that waits for no lock is part of no deadlock, in whatever order the other one locks.
    """
    free = select(message.c.id).where(*which).order_by(message.c.id).with_for_update(skip_locked=True)
    return message.c.id.in_(free)


def sql_list(states: Iterable[State]) -> str:
    """Format states for the IN of a hand-written statement: `'waiting', 'queued'`."""
    return ", ".join(f"'{state.value}'" for state in states)


def _literals(states: Iterable[State]) -> list[ColumnElement[str]]:
    return [literal_column(f"'{state.value}'") for state in states]


LEASED_STATES = frozenset({State.QUEUED, State.CLAIMED, State.SENDING})
SETTLED_STATES = DONE | {State.UNCERTAIN}

LEASED = in_state(*(state for state in State if state in LEASED_STATES))
"""Messages with a lease. SQLite uses their partial index only for a query with exactly this condition in it."""

SETTLED = in_state(*(state for state in State if state in SETTLED_STATES))
"""Messages that Harkara sends no more by itself, in the words of their partial indexes."""

UNREAD_STATES = SETTLED_STATES - {State.DELIVERED, State.READ}
UNREAD = in_state(*(state for state in State if state in UNREAD_STATES))
"""Settled messages that are not known to have arrived, in the words of the index of their states."""

ARRIVED: ColumnElement[bool] = or_(attempt.c.outcome.in_(("accepted", "uncertain")), attempt.c.outcome.is_(None))
"""POSTs that may have reached the recipient: accepted, uncertain or still open."""
