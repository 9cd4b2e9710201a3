"""`harkara campaign rehearse`: when a campaign would end, what it would cost and whom it would delay."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from harkara.campaigns import Prices, Rehearsal
from harkara.campaigns import rehearse as reckon
from harkara.errors import Invalid
from workers.command.deployment import configured, ledger
from workers.command.options import AsJson, Campaign, time_option
from workers.command.output import clock, emit, note, say

if TYPE_CHECKING:
    from harkara.lanes import Lane
    from harkara.ledger.campaigns.queries import Outlook


def rehearse(
    key: Campaign,
    at: Annotated[datetime | None, time_option("As if it were started at this time, instead of now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Reckon what would happen if a campaign were started; nothing is sent."""
    from config.settings import settings
    from harkara.ledger.campaigns import commands, queries

    prices = Prices.load(settings().prices_file)
    with ledger() as db:
        found = commands.find(db, key)
        begin = at or max(datetime.now(UTC), found["start_at"] or datetime.min.replace(tzinfo=UTC))
        outlook = queries.outlook(db, found, begin)
    lane = _lane(found["lane"])
    cost = {found["category"]: _cost(prices, found["category"], outlook)}
    free = outlook.in_window.total() if found["category"] in prices.free_in_window else 0
    told = reckon(
        outlook.messages - outlook.opted_out,
        found["category"],
        begin,
        lane.allowance,
        lane.quiet_hours,
        others=outlook.others,
        cost_by_category=cost,
    )
    if as_json:
        left_out = {"opted_out": outlook.opted_out, "free": free}
        emit({"id": found["id"], "name": found["name"], "currency": prices.currency, **_shown(told), **left_out})
    else:
        _tell(told, prices.currency, str(lane.allowance or "no limit"), outlook.opted_out, free)


def _lane(name: str) -> Lane:
    if (lane := configured().get(name)) is None:
        raise Invalid("lane", f"{name} has no token here, so nobody knows its allowance")
    return lane


def _cost(prices: Prices, category: Any, outlook: Outlook) -> Decimal:
    """Whose window is open may get it free."""
    cost = Decimal(0)
    for digits, number in outlook.by_prefix.items():
        inside = outlook.in_window[digits]
        cost += prices.price(category, digits) * (number - inside)
        cost += prices.price(category, digits, window_open=True) * inside
    return cost


def _shown(told: Rehearsal) -> dict[str, Any]:
    return {
        "messages": told.messages,
        "starts_at": told.starts_at.isoformat(timespec="seconds"),
        "ends_at": told.ends_at.isoformat(timespec="seconds"),
        "seconds_of_sending": round(told.seconds_of_sending, 1),
        "paused_for_quiet": told.paused_for_quiet,
        "delays_others": told.delays_others,
        "cost_by_category": {category: str(cost) for category, cost in told.cost_by_category.items()},
    }


def _tell(told: Rehearsal, currency: str, allowance: str, opted_out: int, free: int) -> None:
    say(f"{told.messages:,} messages at {allowance}: {_span(told.seconds_of_sending)} of sending")
    say(f"From {clock(told.starts_at.isoformat())} to {clock(told.ends_at.isoformat())}")
    if told.paused_for_quiet:
        say(f"It rests for {_span(told.paused_for_quiet)} of quiet hours in between.")
    for category, cost in told.cost_by_category.items():
        say(f"Cost: {cost:,.2f} {currency} ({category})" + (f", {free:,} free in an open window" if free else ""))
    if opted_out:
        say(f"Not counted: {opted_out:,} to people who have opted out since; they are cancelled when their turn comes.")
    if told.delays_others:
        say(f"It may delay {told.delays_others:,} other messages of the lane, each by one turn.")
    note("Prices are those of config/prices.toml or HARKARA_PRICES_FILE: check them against your account.")


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
