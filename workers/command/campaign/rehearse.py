"""`harkara campaign rehearse`: when a campaign would end, what it would cost and what it would delay."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from harkara.errors import Invalid
from workers.command.deployment import configured, ledger
from workers.command.local_time import LocalTime, show_time
from workers.command.options import AsJson, Campaign, time_option
from workers.command.output import REFUSED, emit, note, print_line

if TYPE_CHECKING:
    from harkara.campaigns import Rehearsal, RehearsalInputs
    from harkara.lanes import Lane
    from harkara.messages.template import TemplateCategory
    from harkara.money.prices import Rates


def rehearse(
    key: Campaign,
    at: Annotated[datetime | None, time_option("Assume a start at this time instead of now.")] = None,
    probe_media: Annotated[
        bool, typer.Option("--probe-media", help="Ask the hosts of images and documents for size and type.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Estimate end, cost and delays of a campaign; nothing is sent.

    With --probe-media, the exit code is 4 if WhatsApp would not take one of its media.
    """
    from config.settings import settings
    from harkara.campaigns import rehearse as forecast
    from harkara.ledger.campaigns import queries
    from harkara.money.prices import Prices
    from workers.command.preview import note_previews, preview_fields, preview_request

    prices = Prices.load(settings().prices_file)
    with ledger() as db:
        found = queries.get_campaign(db, key)
        begin = at or max(datetime.now(UTC), found.start_at or datetime.min.replace(tzinfo=UTC))
        inputs = queries.get_rehearsal_inputs(db, found, begin)
        body = queries.get_first_body(db, found.id)
        links = queries.list_media(db, found.id) if probe_media else []
    lane = _lane(found.lane)
    category = cast("TemplateCategory", found.category)
    rates = prices.on(begin.astimezone(lane.zone).date())
    free = inputs.in_window.total() if category in rates.free_in_window else 0
    cost = {found.category: _cost(rates, category, inputs) if prices.mode == "per-message" else _credits(rates, inputs)}
    result = forecast(
        inputs.messages - inputs.opted_out,
        category,
        begin,
        lane.allowance,
        lane.quiet_hours,
        others=inputs.others,
        cost_by_category=cost,
    )
    shown = preview_request(body) if body else []
    media = _check_media(links, result.ends_at)
    if as_json:
        left_out = {"opted_out": inputs.opted_out, "free": free}
        checked = {"previews": [preview_fields(each) for each in shown]} | ({"media": media} if probe_media else {})
        emit({"id": found.id, "name": found.name, "currency": prices.currency, **_shown(result), **left_out, **checked})
    else:
        _report(result, prices.currency, lane, inputs.opted_out, free)
        if shown:
            note("The first message:")
            note_previews(shown)
        if probe_media:
            _report_media(media, len(links), lane.name)
    if any(each["problem"] for each in media):
        raise typer.Exit(REFUSED)


def _check_media(links: list[tuple[str, str]], last: datetime) -> list[dict[str, Any]]:
    from harkara.callbacks.connector import Connector
    from workers.command.campaign.media_check import check_media

    return check_media(links, last, Connector()) if links else []


def _report_media(media: list[dict[str, Any]], number: int, lane: str) -> None:
    local = LocalTime()
    bad = [each for each in media if each["problem"]]
    for each in bad:
        print_line(f"{each['type']} {each['link']}: {local.within(each['problem'], lane)}")
    print_line(f"Media: {len(media):,} of {number:,} checked, {len(bad):,} with a problem")


def _lane(name: str) -> Lane:
    if (lane := configured().get(name)) is None:
        raise Invalid("lane", f"{name} has no token here, so its allowance is unknown: add it to HARKARA_LANE_TOKENS")
    return lane


def _cost(rates: Rates, category: TemplateCategory, inputs: RehearsalInputs) -> Decimal:
    """Return the cost with fee and tax; messages to open windows may be free."""
    from harkara.money.amounts import from_micros

    free = inputs.in_window if category in rates.free_in_window else {}
    numbers = inputs.by_prefix.items()
    return from_micros(sum(rates.cost(category, digits).total * (n - free.get(digits, 0)) for digits, n in numbers))


def _credits(rates: Rates, inputs: RehearsalInputs) -> Decimal:
    """Return the most that it costs: a message within 24 hours of another one to the same person is free."""
    from harkara.money.amounts import from_micros

    return from_micros(rates.cost_of_credit().total * inputs.by_prefix.total())


def _shown(result: Rehearsal) -> dict[str, Any]:
    return {
        "messages": result.messages,
        "starts_at": result.starts_at.isoformat(timespec="seconds"),
        "ends_at": result.ends_at.isoformat(timespec="seconds"),
        "seconds_of_sending": round(result.seconds_of_sending, 1),
        "paused_for_quiet": result.paused_for_quiet,
        "delays_others": result.delays_others,
        "cost_by_category": {category: str(cost) for category, cost in result.cost_by_category.items()},
    }


def _report(result: Rehearsal, currency: str, lane: Lane, opted_out: int, free: int) -> None:
    print_line(
        f"{result.messages:,} messages at {lane.allowance or 'no limit'}: {_span(result.seconds_of_sending)} of sending"
    )
    print_line(f"From {show_time(result.starts_at, lane.zone)} to {show_time(result.ends_at, lane.zone)}")
    if result.paused_for_quiet:
        print_line(f"Quiet hours in between: {_span(result.paused_for_quiet)}")
    for category, cost in result.cost_by_category.items():
        print_line(
            f"Cost: {cost:,.2f} {currency} ({category})" + (f", {free:,} free in an open window" if free else "")
        )
    if opted_out:
        print_line(
            f"Not counted: {opted_out:,} to people who have opted out since; they are cancelled when their turn comes."
        )
    if result.delays_others:
        print_line(f"May delay {result.delays_others:,} other messages of the lane by one slot each.")
    note("Prices come from HARKARA_PRICES_FILE, by default config/prices.toml: compare them with your account.")


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
