"""`harkara budget`: show, set and remove the budgets of lanes and campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from harkara.errors import Invalid
from workers.command.deployment import check_lane, configured, ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson, me
from workers.command.output import emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.ledger.database import Database
    from harkara.money.budgets import Budget, BudgetStatus

app = typer.Typer(invoke_without_command=True, help="Show the budgets; set or remove one.")

Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help="The most to spend, such as 15000 or 0.25.")]
Per = Annotated[Literal["day", "month"] | None, typer.Option("--per", help="A budget of the lane, and its period.")]
LaneName = Annotated[str, typer.Option("--lane", help="The lane.")]
OfCampaign = Annotated[str | None, typer.Option("--campaign", help="A budget of this campaign, by name or id.")]


@app.callback(epilog="Example: harkara budget --json")
def budget(ctx: typer.Context, as_json: AsJson = False) -> None:
    if ctx.invoked_subcommand:
        return
    from harkara.ledger.charges.budgets import list_budgets

    with ledger() as db:
        found = list_budgets(db, _zones())
    if as_json:
        emit({"budgets": [_exact(each) for each in found]})
    else:
        _show(found)


@app.command("set", epilog="Example: harkara budget set 15000 --per month")
def set_budget(
    amount: Amount,
    per: Per = None,
    lane: LaneName = "default",
    campaign: OfCampaign = None,
    currency: Annotated[str | None, typer.Option(help="The currency; that of prices.toml by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set a budget: when it is used up, marketing waits until the next day or month, or until it is raised.

    One-time codes, replies, utility messages and reminders never wait for a budget. The new budget counts at once.
    """
    from config.settings import settings
    from harkara.ledger.charges import budgets
    from harkara.ledger.users.acts import Actor
    from harkara.money.amounts import parse_amount
    from harkara.money.prices import Prices

    expected = Prices.load(settings().prices_file).currency
    micros = parse_amount(amount, currency or expected, expected=expected)
    with ledger() as db:
        wanted = _budget(db, per, lane, campaign, micros, expected)
        budgets.set_budget(db, wanted, by=Actor(me(), "command"))
        budgets.check_budgets(db, _zones())
        found = next(each for each in budgets.list_budgets(db, _zones()) if each.budget == wanted)
    if as_json:
        emit(_exact(found))
    else:
        _show([found])


@app.command("remove", epilog="Example: harkara budget remove --per month")
def remove_budget(
    per: Per = None, lane: LaneName = "default", campaign: OfCampaign = None, as_json: AsJson = False
) -> None:
    """Remove a budget: marketing that waited for it is due at once."""
    from harkara.ledger.charges import budgets
    from harkara.ledger.users.acts import Actor

    with ledger() as db:
        former = _budget(db, per, lane, campaign, 0, "")
        budgets.remove_budget(db, former, by=Actor(me(), "command"))
        budgets.check_budgets(db, _zones())
    if as_json:
        emit({"lane": former.lane, "period": former.period, "removed": True})
    else:
        print_line(f"{former.lane}  budget per {former.period} removed")


def _budget(db: Database, per: str | None, lane: str, campaign: str | None, amount: int, currency: str) -> Budget:
    from harkara.ledger.campaigns.queries import get_campaign
    from harkara.money.budgets import Budget

    if (per is None) == (campaign is None):
        raise Invalid("per", "give either --per day, --per month or --campaign NAME")
    if campaign is not None:
        found = get_campaign(db, campaign)
        return Budget(found.lane, "campaign", found.id, amount, currency)
    check_lane(lane)
    return Budget(lane, "month" if per == "month" else "day", "", amount, currency)


def _zones() -> dict[str, Any]:
    return {name: lane.zone for name, lane in configured().items()}


def _exact(found: BudgetStatus) -> dict[str, Any]:
    from harkara.money.amounts import from_micros

    budget = found.budget
    return {
        "lane": budget.lane,
        "period": budget.period,
        "campaign_id": budget.campaign_id or None,
        "amount": str(from_micros(budget.amount)),
        "spent": str(from_micros(found.spent)),
        "currency": budget.currency,
        "exhausted": found.exhausted,
        "until": found.until.isoformat() if found.until else None,
    }


def _show(found: list[BudgetStatus]) -> None:
    from harkara.money.amounts import show

    if not found:
        note("There is no budget: `harkara budget set 15000 --per month` sets one.")
        return
    local = LocalTime()
    rows = [
        (
            each.budget.lane,
            each.budget.campaign_id or each.budget.period,
            show(each.spent),
            show(each.budget.amount),
            each.budget.currency,
            f"{each.share:.0%}",
            "marketing waits" if each.exhausted else "",
            local.show(each.until, each.budget.lane),
        )
        for each in found
    ]
    table(("lane", "budget", "spent", "of", "currency", "share", "state", "until"), rows)
