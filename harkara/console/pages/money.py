"""Money: what delivered messages cost, and the budgets."""

from __future__ import annotations

import re
from io import StringIO
from typing import Annotated, Final

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from harkara.campaigns.spreadsheet import CsvWriter
from harkara.console.errors import sentence
from harkara.console.forms import Form, FormFields, printable
from harkara.console.languages import N_
from harkara.console.spend_view import BY, TITLES, Days, spend_view
from harkara.console.visitors import Operator, SignedIn, Viewer
from harkara.errors import HarkaraError, Invalid, NotFound
from harkara.ledger.campaigns.queries import campaign_names, get_campaign
from harkara.ledger.charges import budgets
from harkara.ledger.charges.spend import get_spend
from harkara.money.amounts import parse_amount
from harkara.money.budgets import Budget
from harkara.money.spend import By, Spend

router = APIRouter()

PERIODS: Final = {"day": N_("day"), "month": N_("month"), "campaign": N_("campaign")}

_AMOUNT = re.compile(r"(₹|[A-Za-z]{3}\b)?\s*(.*?)\s*([A-Za-z]{3})?", re.DOTALL)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?", re.ASCII)
"""A comma groups digits, also in lakhs: `0,25` is no 25."""

Day = Annotated[str, Query(max_length=10)]


@router.get("/money")
def money(visitor: Viewer, since: Day = "", until: Day = "") -> Response:
    try:
        days = Days.parse(since, until, visitor.console.zones.values())
    except Invalid as error:
        return _page(visitor, 400, problem=sentence(error, visitor.language))
    return _page(visitor, days=days)


@router.get("/money/spend.csv")
def spend_csv(visitor: Viewer, by: By = "day", since: Day = "", until: Day = "") -> Response:
    """Download the spend for the accountant: exact amounts, with fee and tax."""
    days = Days.parse(since, until, visitor.console.zones.values())
    file = StringIO()
    writer = CsvWriter(file)
    writer.write(Spend.columns(by))
    for row in get_spend(visitor.console.db, by, since=days.first, until=days.last, lanes=visitor.lanes):
        writer.write(row.cells())
    name = f"spend-by-{by}-{days.first}-{days.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(file.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/money/budget")
def set_budget(visitor: Operator, form: Form) -> Response:
    try:
        wanted = _budget(visitor, form, _amount(visitor, form["amount"]))
    except (Invalid, NotFound) as error:
        return _page(visitor, 400, budget_problem=error, given=form)
    budgets.set_budget(visitor.console.db, wanted, by=visitor.actor)
    budgets.check_budgets(visitor.console.db, visitor.console.zones)
    return visitor.redirect("/money?done=budget.set")


@router.post("/money/budget/remove")
def remove_budget(visitor: Operator, form: Form) -> Response:
    try:
        budgets.remove_budget(visitor.console.db, _budget(visitor, form, 0), by=visitor.actor)
    except NotFound as error:
        return _page(visitor, 400, budget_problem=error)
    budgets.check_budgets(visitor.console.db, visitor.console.zones)
    return visitor.redirect("/money?done=budget.removed")


def _page(
    visitor: SignedIn,
    status: int = 200,
    *,
    days: Days | None = None,
    problem: str | None = None,
    budget_problem: HarkaraError | None = None,
    given: FormFields | None = None,
) -> Response:
    db, console = visitor.console.db, visitor.console
    found = [each for each in budgets.list_budgets(db, console.zones) if each.budget.lane in visitor.lanes]
    return visitor.page(
        "money.html",
        status,
        view=spend_view(visitor, days or Days.parse("", "", console.zones.values())),
        by=BY,
        titles=TITLES,
        budgets=found,
        names=campaign_names(db, [each.budget.campaign_id for each in found]),
        periods=PERIODS,
        lanes=visitor.lanes,
        problem=problem,
        budget_problem=budget_problem and sentence(budget_problem, visitor.language),
        given=given or FormFields([]),
    )


def _amount(visitor: SignedIn, text: str) -> int:
    """Return the micros of an amount such as `15,000`, `₹15000` or `15000 INR`. Raises Invalid."""
    expected = visitor.console.files().prices.currency
    matched = _AMOUNT.fullmatch(text.strip())
    before, amount, after = matched.groups() if matched else (None, text, None)
    names = {name.upper().replace("₹", "INR") for name in (before, after) if name} or {expected}
    plain = (amount or "").replace(",", "") if _GROUPED.fullmatch(amount or "") else amount or ""
    return parse_amount(plain, " ".join(sorted(names)), expected=expected)


def _budget(visitor: SignedIn, form: FormFields, amount: int) -> Budget:
    """Return the budget that a form means: of a campaign by its name or id, else of a lane. Raises NotFound."""
    currency = visitor.console.files().prices.currency
    if form["period"] == "campaign":
        found = get_campaign(visitor.console.db, printable(form["campaign"].strip()), lanes=visitor.lanes)
        return Budget(found.lane, "campaign", found.id, amount, currency)
    if form["period"] not in ("day", "month"):
        raise HTTPException(400)
    if form["lane"] not in visitor.lanes:
        raise HTTPException(403)
    return Budget(form["lane"], "month" if form["period"] == "month" else "day", "", amount, currency)
