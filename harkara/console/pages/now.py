"""Now: what each lane sends, what waits, today's messages and costs, and the alarms that are open."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from harkara.console.charts import Bar, funnel
from harkara.console.errors import sentence
from harkara.console.forms import Form, FormFields
from harkara.console.lane_now import NAMES, lanes_now
from harkara.console.languages import N_
from harkara.console.visitors import Operator, SignedIn, Viewer
from harkara.errors import Conflict, Invalid
from harkara.ledger.alarms.alarms import list_alarms
from harkara.ledger.charges.budgets import list_budgets
from harkara.ledger.charges.spend import get_amounts
from harkara.ledger.lane_commands import park_lane, unpark_lane
from harkara.ledger.messages.today import StateCounts, count_states_since
from harkara.money.amounts import from_micros
from harkara.states import State

router = APIRouter()

MOST_ALARMS = 20
PERIODS = {"day": N_("day"), "month": N_("month"), "campaign": N_("campaign")}

_STAGES = (
    (N_("Accepted"), tuple(State)),
    (N_("Sent"), (State.ACCEPTED, State.SENT, State.DELIVERED, State.READ)),
    (N_("Delivered"), (State.DELIVERED, State.READ)),
    (N_("Read"), (State.READ,)),
)
_BESIDE = (
    (N_("wait or are being sent"), (State.WAITING, State.QUEUED, State.CLAIMED, State.SENDING)),
    (N_("uncertain"), (State.UNCERTAIN,)),
    (N_("failed"), (State.FAILED,)),
    (N_("cancelled"), (State.CANCELLED,)),
)


@router.get("/now")
def now(visitor: Viewer) -> Response:
    return _page(visitor)


@router.post("/now/park")
def park(visitor: Operator, form: Form) -> Response:
    try:
        park_lane(visitor.console.db, _lane(visitor, form), form["reason"].strip(), by=visitor.actor)
    except (Invalid, Conflict) as error:
        return _page(visitor, 400, problem=sentence(error, visitor.language), given=form["reason"])
    return visitor.redirect("/now?done=lane.parked")


@router.post("/now/unpark")
def unpark(visitor: Operator, form: Form) -> Response:
    try:
        unpark_lane(visitor.console.db, _lane(visitor, form), by=visitor.actor)
    except Conflict as error:
        return _page(visitor, 400, problem=sentence(error, visitor.language))
    return visitor.redirect("/now?done=lane.unparked")


def _page(visitor: SignedIn, status: int = 200, *, problem: str | None = None, given: str = "") -> Response:
    db, names = visitor.console.db, visitor.lanes
    today = datetime.now(visitor.console.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    counts = count_states_since(db, today, None if visitor.user.lanes is None else names)
    return visitor.page(
        "now.html",
        status,
        lanes=list(lanes_now(visitor.console, names, visitor.language)),
        priorities=NAMES,
        now=db.now(),
        alarms=list_alarms(db, open_only=True, lanes=names, limit=MOST_ALARMS),
        counts=counts,
        stages=_stages(visitor, counts, today),
        beside=[(label, counts.number(*states), _link(visitor, today, states)) for label, states in _BESIDE],
        spent=_spent(visitor),
        periods=PERIODS,
        budgets=[
            each
            for each in list_budgets(db, visitor.console.zones)
            if each.budget.lane in names and not each.budget.campaign_id
        ],
        problem=problem,
        given=given,
    )


def _spent(visitor: SignedIn) -> Mapping[str, Decimal]:
    """Return what was spent today, by currency; the day of a lane is that of its zone, as for its budgets."""
    zones, lanes_of = visitor.console.zones, defaultdict(list)
    for lane in visitor.lanes:
        lanes_of[datetime.now(zones.get(lane, UTC)).date()].append(lane)
    found = Counter({visitor.console.files().prices.currency: 0})
    for day, lanes in lanes_of.items():
        found.update(get_amounts(visitor.console.db, since=day, until=day, lanes=lanes))
    return {currency: from_micros(micros) for currency, micros in found.items()}


def _stages(visitor: SignedIn, counts: StateCounts, today: datetime) -> Sequence[Bar]:
    translate = visitor.language.texts.gettext
    return funnel(
        [(translate(label), counts.number(*states), _link(visitor, today, states)) for label, states in _STAGES]
    )


def _link(visitor: SignedIn, today: datetime, states: Sequence[State]) -> str:
    """Return the address of the messages that were accepted today and are in one of these states."""
    since = today.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    chosen: dict[str, Any] = {"since": since} if len(states) == len(State) else {"since": since, "state": states}
    return f"{visitor.base}/messages?{urlencode(chosen, doseq=True)}"


def _lane(visitor: SignedIn, form: FormFields) -> str:
    if form["lane"] not in visitor.lanes:
        raise HTTPException(403)
    return form["lane"]
