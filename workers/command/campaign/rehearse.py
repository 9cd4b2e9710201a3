"""`harkara campaign rehearse`: when a campaign would end, what it would cost and what it would delay."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.command.deployment import ledger
from workers.command.local_time import LocalTime, show_time
from workers.command.options import AsJson, Campaign, time_option
from workers.command.output import REFUSED, emit, note, print_line

if TYPE_CHECKING:
    from harkara.campaigns import Rehearsal
    from harkara.campaigns.forecast import Forecast
    from harkara.lanes import Lane


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
    from harkara.ledger.campaigns import queries
    from harkara.ledger.campaigns.rehearse import rehearse_campaign
    from workers.command.campaign.settings import campaign_settings
    from workers.command.preview import note_previews, preview_fields, preview_request

    known = campaign_settings()
    with ledger() as db:
        found = queries.get_campaign(db, key)
        expected = rehearse_campaign(db, found, known, at)
        body = queries.get_first_body(db, found.id)
        links = queries.list_media(db, found.id) if probe_media else []
    lane, result = known.lanes[found.lane], expected.rehearsal
    shown = preview_request(body) if body else []
    media = _check_media(links, result.ends_at)
    if as_json:
        left_out = {"opted_out": expected.opted_out, "free": expected.free, "expires_at": _iso(expected.expires_at)}
        checked = {"previews": [preview_fields(each) for each in shown]} | ({"media": media} if probe_media else {})
        of = {"id": found.id, "name": found.name, "currency": expected.currency}
        emit(of | _shown(result) | left_out | checked)
    else:
        _report(result, lane, expected)
        if shown:
            note("The first message:")
            note_previews(shown)
        if probe_media:
            _report_media(media, len(links), lane.name)
    if any(each["problem"] for each in media):
        raise typer.Exit(REFUSED)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")


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


def _shown(result: Rehearsal) -> dict[str, Any]:
    return {
        "messages": result.messages,
        "starts_at": result.starts_at.isoformat(timespec="seconds"),
        "ends_at": result.ends_at.isoformat(timespec="seconds"),
        "seconds_of_sending": round(result.seconds_of_sending, 1),
        "paused_for_quiet": result.paused_for_quiet,
        "between_stages": result.between_stages,
        "delays_others": result.delays_others,
        "cost_by_category": {category: str(cost) for category, cost in result.cost_by_category.items()},
    }


def _report(result: Rehearsal, lane: Lane, expected: Forecast) -> None:
    from harkara.money.amounts import show, to_micros

    currency, opted_out, free = expected.currency, expected.opted_out, expected.free
    print_line(
        f"{result.messages:,} messages at {lane.allowance or 'no limit'}: {_span(result.seconds_of_sending)} of sending"
    )
    print_line(f"From {show_time(result.starts_at, lane.zone)} to {show_time(result.ends_at, lane.zone)}")
    if expected.expires_at and expected.ends_late:
        print_line(f"What is not sent by {show_time(expected.expires_at, lane.zone)} expires: load it with --expires.")
    if result.paused_for_quiet:
        print_line(f"Quiet hours in between: {_span(result.paused_for_quiet)}")
    if result.between_stages:
        print_line(f"Waits between the stages: {_span(result.between_stages)}")
    for category, cost in result.cost_by_category.items():
        in_window = f", {free:,} free in an open window" if free else ""
        print_line(f"Cost: {show(to_micros(cost))} {currency} ({category}){in_window}")
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
