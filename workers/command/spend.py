"""`harkara spend`: what the delivered messages of some days cost."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from workers.command.deployment import configured, ledger
from workers.command.options import AsJson
from workers.command.output import emit, note, table
from workers.command.rows import CsvFile, write_rows

if TYPE_CHECKING:
    from harkara.money.spend import Spend

By = Literal["day", "lane", "category", "template", "campaign"]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a day: give it as 2026-11-29") from None


def spend(
    by: Annotated[
        By, typer.Option(metavar="WHAT", help="What to sum by: day, lane, category, template or campaign.")
    ] = "day",
    since: Annotated[
        date | None, typer.Option(parser=_day, metavar="DAY", help="First day; default 30 days before the last.")
    ] = None,
    until: Annotated[
        date | None, typer.Option(parser=_day, metavar="DAY", help="Last day, included; default today.")
    ] = None,
    to: CsvFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what delivered messages cost, by day, lane, category, template or campaign.

    Days are those of each lane's time zone. Amounts are exact in --json and --csv, and rounded to the paisa otherwise.
    """
    from harkara.ledger.charges.spend import get_spend
    from harkara.money.spend import Spend, summed_days

    first, last = summed_days(since, until, (lane.zone for lane in configured().values()))
    with ledger() as db:
        found = get_spend(db, by, since=first, until=last)
    if as_json:
        rows = [dict(zip(["key", *Spend.columns(by)[1:]], row.cells(), strict=True)) for row in found]
        emit({"by": by, "since": first.isoformat(), "until": last.isoformat(), "spend": rows})
    elif to:
        write_rows(to, Spend.columns(by), (row.cells() for row in found), as_json=False)
    else:
        _show(by, found)


def _show(by: str, found: list[Spend]) -> None:
    if not found:
        note("Nothing was charged on these days. A message is charged when a webhook reports that it was delivered.")
        return
    rows = [_cells(row.key or f"no {by}", [row]) for row in found]
    for currency in sorted({row.currency for row in found}):
        rows.append(_cells("total", [row for row in found if row.currency == currency]))
    table((by, "messages", "free", "credits", "price", "fee", "tax", "amount", "currency"), rows)


def _cells(key: str, rows: list[Spend]) -> tuple[object, ...]:
    from harkara.money.amounts import show
    from harkara.money.spend import Spend

    counts = (f"{sum(getattr(row, name) for row in rows):,}" for name in ("messages", "free", "credits"))
    return (key, *counts, *(show(sum(getattr(row, name) for row in rows)) for name in Spend.AMOUNTS), rows[0].currency)
