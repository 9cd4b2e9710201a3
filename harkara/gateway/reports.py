"""Route for the report of a kind of occasion."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from harkara.gateway.authentication import CurrentCaller, Lanes
from harkara.gateway.dependencies import Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.schemas.fields import Word
from harkara.gateway.schemas.occasions import ReportPeriod
from harkara.ledger.occasions.answers import report_kind
from harkara.occasions.report import OccasionReport

router = APIRouter(tags=["Occasions"], prefix="/reports")

Kind = Annotated[Word, Path(description="A kind of the reminder rules, such as appointment")]


@router.get("/occasions/{kind}", responses=error_responses(400, 401, 403, 429, 503))
def report_occasions(
    deps: Deps, _caller: CurrentCaller, lanes: Lanes, kind: Kind, period: Annotated[ReportPeriod, Query()]
) -> OccasionReport:
    """Report a kind: its occasions by status, and for each rule what customers answered to its reminders."""
    deps.plan.rules.for_kind(kind)
    return report_kind(deps.db, kind, lanes=lanes, since=period.since, until=period.until)
