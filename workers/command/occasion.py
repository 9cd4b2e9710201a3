"""`harkara occasion`: save, end, list and import occasions, and show or send their reminders."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from harkara.errors import HarkaraError
from workers.command.deployment import backend, check_lane, ledger, plan
from workers.command.local_time import show_time
from workers.command.options import AsJson, example, me, time_option
from workers.command.output import REFUSED, emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.occasions import OccasionUpdate
    from harkara.occasions.rules import ClosedStatus
    from harkara.occasions.status import OccasionStatus

app = typer.Typer(no_args_is_help=True, help="Save occasions; their reminders follow from rules.")

Kind = Annotated[str, typer.Argument(help="Kind, such as appointment; the rules file lists all kinds.")]
Reference = Annotated[str, typer.Argument(help="Your name for the occasion.")]
Lane = Annotated[str, typer.Option(help="Account to send from.")]
Version = Annotated[int | None, typer.Option(min=0, help="A version older than the saved one changes nothing.")]
Reason = Annotated[str | None, typer.Option(help="The reason, for the record.")]
Zone = Annotated[str | None, typer.Option(help="Time zone of the occasion; default the lane's.")]
Language = Annotated[str | None, typer.Option(help="Language of the templates; default each kind's.")]

_SAVE = example(
    "harkara occasion save appointment visit-7 --at 2027-03-24T10:30",
    "--to 9876543210 --set doctor='Dr Rao' --set place='Room 4'",
    "--set duration='20 minutes' --set helpline='080 4000 1234'",
)
_IMPORT = example(
    "harkara occasion import visits.csv --kind appointment", "--map to=Mobile --map 'helpline:=080 4000 1234'"
)


def _time(text: str) -> str:
    """Check the form alone: whether the text is a time or a whole day is the occasion's to decide."""
    from harkara.times import parse_iso

    try:
        parse_iso(text)
    except ValueError:
        raise typer.BadParameter("write 2026-11-24T10:30, local to the zone, or with +05:30 or Z, or a date") from None
    return text


@app.command(epilog=_SAVE)
def save(
    kind: Kind,
    reference: Reference,
    at: Annotated[
        str,
        typer.Option(parser=_time, metavar="TIME", help="When it happens, local to the zone; a date is the whole day."),
    ],
    to: Annotated[str, typer.Option(help="Customer's number.")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter, as NAME=VALUE.")] = None,
    zone: Zone = None,
    language: Language = None,
    version: Version = None,
    lane: Lane = "default",
    as_json: AsJson = False,
) -> None:
    """Save or change an occasion; its reminders follow."""
    from harkara.occasions import Occasion
    from harkara.phone import normalize

    by = plan()
    check_lane(lane)
    wanted = Occasion(
        kind=kind,
        reference=reference,
        lane=lane,
        to=normalize(to),
        at=at,
        zone=zone or by.lane_zone(lane),
        parameters=dict(_pair(text) for text in set_ or ()),
        language=language,
        version=version,
    )
    by.validate_occasion(wanted)
    _save(wanted, as_json)


@app.command(epilog=example("harkara occasion cancel appointment visit-7", "--reason 'The doctor is ill'"))
def cancel(
    kind: Kind,
    reference: Reference,
    reason: Reason = None,
    version: Version = None,
    lane: Lane = "default",
    as_json: AsJson = False,
) -> None:
    """Cancel an occasion that will not happen; its reminders are cancelled."""
    _close(kind, reference, "cancelled", reason, version, lane, as_json)


@app.command(epilog="Example: harkara occasion complete payment INV-1042 --reason paid")
def complete(
    kind: Kind,
    reference: Reference,
    reason: Reason = None,
    version: Version = None,
    lane: Lane = "default",
    as_json: AsJson = False,
) -> None:
    """Complete an occasion that was kept, paid or delivered; of its messages only those after completion are sent."""
    _close(kind, reference, "completed", reason, version, lane, as_json)


@app.command("no-show", epilog="Example: harkara occasion no-show appointment visit-7")
def no_show(
    kind: Kind,
    reference: Reference,
    reason: Reason = None,
    version: Version = None,
    lane: Lane = "default",
    as_json: AsJson = False,
) -> None:
    """Record that the customer did not come; nothing more is sent, except what the rules send after a no-show."""
    _close(kind, reference, "no-show", reason, version, lane, as_json)


@app.command(epilog="Example: harkara occasion remind appointment visit-7")
def remind(kind: Kind, reference: Reference, lane: Lane = "default", as_json: AsJson = False) -> None:
    """Send the reminder that suits this moment now; it replaces the planned one, and is never sent twice."""
    from harkara.ledger.users.acts import Actor
    from harkara.occasions import OccasionKey

    with backend() as opened:
        message = opened.remind(OccasionKey(reference, kind, lane), plan(), by=Actor(me(), "command"))
    emit({"kind": kind, "reference": reference, "message": message}) if as_json else print_line(message)


@app.command("list", epilog="Example: harkara occasion list --kind appointment --status open")
def listing(
    kind: Annotated[str | None, typer.Option(help="Kind.")] = None,
    status: Annotated[
        Literal["open", "cancelled", "completed", "no-show"] | None,
        typer.Option(metavar="STATUS", help="Status: open, cancelled, completed or no-show."),
    ] = None,
    lane: Annotated[str | None, typer.Option(help="Lane.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Largest number of rows.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List occasions, the latest first."""
    from harkara.ledger.occasions import queries

    with ledger() as db:
        found = queries.list_occasions(db, kind=kind, status=status, lane=lane, limit=limit)
    if as_json:
        emit({"occasions": found})
    elif not found:
        note("No occasion matches.")
    else:
        rows = ((o.kind, o.reference, show_time(o.at, ZoneInfo(o.zone)), o.status, o.lane, o.version) for o in found)
        table(("kind", "reference", "at", "status", "lane", "version"), rows)


@app.command(epilog="Example: harkara occasion show appointment visit-7")
def show(kind: Kind, reference: Reference, lane: Lane = "default", as_json: AsJson = False) -> None:
    """Show an occasion and its reminders: time, state, and why a rule has no reminder."""
    from harkara.ledger.occasions import queries
    from harkara.occasions import OccasionKey

    with ledger() as db:
        found = queries.get_occasion(db, OccasionKey(reference, kind, lane), plan())
    if as_json:
        emit(found)
    else:
        _show(found)


@app.command(epilog="Example: harkara occasion report appointment --since -30d")
def report(
    kind: Kind,
    since: Annotated[datetime | None, time_option("Occasions at this time or later.")] = None,
    until: Annotated[datetime | None, time_option("Occasions before this time.")] = None,
    lane: Annotated[str | None, typer.Option(help="Lane.")] = None,
    as_json: AsJson = False,
) -> None:
    """Report how the occasions of a kind ended, and what customers answered to the reminders of each rule."""
    from harkara.ledger.occasions.answers import report_kind

    plan().rules.for_kind(kind)
    with ledger() as db:
        found = report_kind(db, kind, lanes=[lane] if lane else None, since=since, until=until)
    if as_json:
        emit(found)
        return
    print_line(", ".join(f"{number} {status}" for status, number in found.occasions.items()) + "\n")
    columns = ("sent", "confirmed", "cancelled", "rescheduled", "no_answer", "no_show")
    rows = ((each.rule, *(each[column] for column in columns)) for each in found.rules)
    table(("rule", *(column.replace("_", " ") for column in columns)), rows)


@app.command("import", epilog=_IMPORT)
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="CSV file, one occasion a row; the first row names the columns.")
    ],
    kind: Annotated[str, typer.Option(help="Kind of the occasions.")],
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", help="PARAMETER=COLUMN, or PARAMETER:=TEXT for all rows; also to, at, reference."),
    ] = None,
    zone: Zone = None,
    language: Language = None,
    lane: Lane = "default",
    as_json: AsJson = False,
) -> None:
    """Save an occasion for each valid row. Invalid rows are listed by number, and the exit code is 4."""
    from workers.command.occasion_import import OccasionImport

    by = plan()
    check_lane(lane)
    importer = OccasionImport(by, kind, lane, zone or by.lane_zone(lane), language)
    with backend() as opened:
        result = importer.save(file, map_ or (), opened, note)
    if as_json:
        emit(result)
    else:
        for wrong in result["rejected"]:
            print_line(f"row {wrong['row']}: {wrong['reason']}")
        print_line(", ".join(f"{number} {change}" for change, number in result["saved"].items()) or "nothing was saved")
    if result["rejected"]:
        raise typer.Exit(REFUSED)


def _close(
    kind: str, reference: str, status: ClosedStatus, reason: str | None, version: int | None, lane: str, as_json: bool
) -> None:
    from harkara.occasions import Closing

    closing = Closing(kind=kind, reference=reference, lane=lane, status=status, reason=reason, version=version)
    plan().validate_closing(closing)
    _save(closing, as_json)


def _save(step: OccasionUpdate, as_json: bool) -> None:
    with backend() as opened:
        (answer,) = opened.save_occasions([step], plan())
    if isinstance(answer, HarkaraError):
        raise answer
    if as_json:
        emit({"kind": step.kind, "reference": step.reference, "change": answer})
    else:
        print_line(f"{step.kind} {step.reference}  {answer}")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter("must be NAME=VALUE", param_hint="--set")
    return name, value


def _show(found: OccasionStatus) -> None:
    why = f": {found.reason}" if found.reason else ""
    zone = ZoneInfo(found.zone)
    print_line(f"{found.kind} {found.reference}  {found.status}{why}")
    print_line(f"At {show_time(found.at, zone)} ({found.zone}), lane {found.lane}, version {found.version or 'none'}\n")
    rows: list[tuple[object, ...]] = [
        (each.rule, show_time(each.due_at, zone), each.state, each.id, each.reason) for each in found.reminders
    ]
    rows += [(each.rule, "", "skipped", "", each.reason) for each in found.skipped]
    table(("rule", "due", "state", "message", "why"), rows)
