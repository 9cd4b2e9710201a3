"""Calendar: the occasions of a day or a week, with their reminders and the answers of customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from fastapi import APIRouter
from fastapi.responses import Response

from harkara.console.bubbles import STATES
from harkara.console.forms import printable
from harkara.console.languages import N_
from harkara.console.visitors import SignedIn, Viewer
from harkara.errors import Invalid
from harkara.ledger.occasions.calendar import CalendarEntry, CalendarPage, find_occasion, list_calendar
from harkara.ledger.occasions.queries import get_occasion

ROWS = 200
"""Occasions that a page shows."""

VIEWS = {"day": 1, "week": 7}

STATUSES: Final[Mapping[str, str]] = {
    "open": N_("open"),
    "cancelled": N_("cancelled"),
    "completed": N_("completed"),
    "no-show": N_("did not come"),
}

ANSWERS: Final[Mapping[str, str]] = {
    "confirmed": N_("confirmed"),
    "cancelled": N_("wants to cancel"),
    "rescheduled": N_("wants another time"),
}

router = APIRouter()


class Day(NamedTuple):
    """A day with its occasions."""

    day: date
    entries: list[CalendarEntry]


@router.get("/calendar")
def show_days(visitor: Viewer, day: str = "", view: str = "week", kind: str = "", after: str = "") -> Response:
    """Show the days from Monday on, or one day; by default those of today. `after` is where the page before ends."""
    today = datetime.now(visitor.console.zone).date()
    chosen = _day(day) or today
    length = VIEWS.get(view, 7)
    first = chosen if length == 1 else chosen - timedelta(days=chosen.weekday())
    kinds = [*visitor.console.files().plan.rules.kind]
    wanted = [kind] if kind in kinds else kinds
    found = _entries(visitor, wanted, first, length, printable(after))
    return visitor.page(
        "calendar.html",
        days=[each for each in _days(found, first, length) if each.entries or not (after or found.after)],
        today=today,
        view="day" if length == 1 else "week",
        kinds=kinds,
        kind=kind if kind in kinds else "",
        before=first - timedelta(days=length),
        after=first + timedelta(days=length),
        first=first,
        last=first + timedelta(days=length - 1),
        cursor=after,
        next=found.after,
        statuses=STATUSES,
        answers=ANSWERS,
    )


def _entries(visitor: SignedIn, kinds: Sequence[str], first: date, length: int, after: str) -> CalendarPage:
    """Return a page of these days, the first one for an `after` that is none."""
    db, lanes = visitor.console.db, visitor.user.lanes
    try:
        return list_calendar(db, kinds, first, length, lanes=lanes, after=after or None, limit=ROWS)
    except Invalid:
        return list_calendar(db, kinds, first, length, lanes=lanes, limit=ROWS)


def _days(found: CalendarPage, first: date, length: int) -> Iterator[Day]:
    for each in (first + timedelta(days=number) for number in range(length)):
        yield Day(each, [entry for entry in found.entries if entry.day == each])


@router.get("/calendar/{identity}")
def show_occasion(visitor: Viewer, identity: str) -> Response:
    return occasion_page(visitor, identity)


def occasion_page(
    visitor: SignedIn,
    identity: str,
    status: int = 200,
    *,
    problem: str | None = None,
    wrong: str | None = None,
    given: Mapping[str, str] | None = None,
) -> Response:
    """Return the page of one occasion; `problem` is what is wrong, beside the field `wrong` if it is known.

    `given` are the fields of a refused form, which are shown instead of what is stored.
    """
    plan = visitor.console.files().plan
    stored = find_occasion(visitor.console.db, printable(identity), visitor.user.lanes)
    known = stored.key.kind in plan.rules.kind
    filled = plan.rules.fill.get(stored.key.kind, {})
    names = (*plan.parameters(stored.key.kind), *plan.optional_parameters(stored.key.kind)) if known else ()
    fields = {"day", "time", "to", "reason", *(f"p.{name}" for name in names if name not in filled)}
    return visitor.page(
        "occasion.html",
        status,
        stored=stored,
        found=get_occasion(visitor.console.db, stored.key, plan),
        names=[name for name in names if name not in filled],
        optional={*plan.optional_parameters(stored.key.kind)} if known else set(),
        known=known,
        statuses=STATUSES,
        answers=ANSWERS,
        states=STATES,
        problem=problem,
        wrong=wrong if wrong in fields else None,
        given=given or {},
    )


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year < 2200 else None
