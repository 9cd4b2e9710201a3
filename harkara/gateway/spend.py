"""Route for what messages cost."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from harkara.gateway.authentication import CurrentCaller, Lanes
from harkara.gateway.dependencies import Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.schemas.spend import SpendPeriod, SpendReport
from harkara.ledger.charges.spend import get_spend
from harkara.money.spend import summed_days

router = APIRouter(tags=["Money"])


@router.get("/spend", responses=error_responses(400, 401, 403, 429, 503))
def report_spend(
    deps: Deps, _caller: CurrentCaller, lanes: Lanes, period: Annotated[SpendPeriod, Query()]
) -> SpendReport:
    """Report what the delivered messages of some days cost, by day, lane, category, template or campaign."""
    zones = (lane.zone for lane in deps.campaigns().lanes.values())
    since, until = summed_days(period.since, period.until, zones)
    found = get_spend(deps.db, period.by, since=since, until=until, lanes=lanes)
    return SpendReport(by=period.by, since=since, until=until, spend=found)
