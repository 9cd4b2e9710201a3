"""`harkara occasion`: what will happen to customers, and the reminders that go before it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from harkara.errors import HarkaraError
from harkara.json_record import iso_seconds
from harkara.phone import normalize
from workers.command.deployment import check_lane, door, ledger, plan
from workers.command.options import AsJson
from workers.command.output import REFUSED, clock, emit, note, say, table

if TYPE_CHECKING:
    from harkara.occasions import OccasionUpdate
    from harkara.occasions.status import OccasionStatus

app = typer.Typer(no_args_is_help=True, help="Occasions: save them, and their reminders follow by the rules.")

Kind = Annotated[str, typer.Argument(help="Such as appointment; the file of the rules has them all.")]
Reference = Annotated[str, typer.Argument(help="Your own name for it.")]
Lane = Annotated[str, typer.Option(help="The account to send from.")]
Version = Annotated[int | None, typer.Option(min=0, help="One that is older than what is known changes nothing.")]
Reason = Annotated[str | None, typer.Option(help="Why, for whoever asks later.")]
Zone = Annotated[str | None, typer.Option(help="Whose clock and calendar count; else the lane's.")]
Language = Annotated[str | None, typer.Option(help="Of the templates; else what each kind says.")]

_SAVE = (
    "Example: harkara occasion save appointment visit-7 --at 2026-11-24T10:30 --to 9876543210 --set doctor='Dr Rao' …"
)
_IMPORT = (
    "Example: harkara occasion import visits.csv --kind appointment --map to=Mobile --map 'helpline:=080 4000 1234'"
)


def _local(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write 2026-11-24T10:30, local to the zone, or with +05:30 or Z") from None


@app.command(epilog=_SAVE)
def save(
    kind: Kind,
    reference: Reference,
    at: Annotated[datetime, typer.Option(parser=_local, metavar="TIME", help="When it happens, by the zone's clock.")],
    to: Annotated[str, typer.Option(help="The customer's number.")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="A parameter, as NAME=VALUE.")] = None,
    zone: Zone = None,
    language: Language = None,
    version: Version = None,
    lane: Lane = "default",
    as_json: AsJson = False,
) -> None:
    """Save an occasion, or change it: its reminders follow."""
    from harkara.occasions import Occasion

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
    _tell(wanted, as_json)


@app.command(epilog="Example: harkara occasion cancel appointment visit-7 --reason 'The doctor is ill'")
def cancel(
    kind: Kind,
    reference: Reference,
    reason: Reason = None,
    version: Version = None,
    lane: Lane = "default",
    as_json: AsJson = False,
) -> None:
    """It will not happen: none of its reminders goes any more."""
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
    """It was kept, paid, delivered: none of its reminders goes any more."""
    _close(kind, reference, "completed", reason, version, lane, as_json)


@app.command("list", epilog="Example: harkara occasion list --kind appointment --status open")
def listing(
    kind: Annotated[str | None, typer.Option(help="Of this kind.")] = None,
    status: Annotated[Literal["open", "cancelled", "completed"] | None, typer.Option(help="In this state.")] = None,
    lane: Annotated[str | None, typer.Option(help="Of this lane.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List occasions, the latest first."""
    from harkara.ledger.occasions import queries

    with ledger() as db:
        found = queries.list_occasions(db, kind=kind, status=status, lane=lane, limit=limit)
    if as_json:
        emit({"occasions": found})
    elif not found:
        note("No occasion fits.")
    else:
        rows = ((o.kind, o.reference, iso_seconds(o.at), o.status, o.lane, o.version) for o in found)
        table(("kind", "reference", "at", "status", "lane", "version"), rows)


@app.command(epilog="Example: harkara occasion show appointment visit-7")
def show(kind: Kind, reference: Reference, lane: Lane = "default", as_json: AsJson = False) -> None:
    """Show an occasion and its reminders: when each is due, where it stands, and why a rule has none."""
    from harkara.ledger.occasions import queries
    from harkara.occasions import OccasionKey

    with ledger() as db:
        found = queries.get_occasion(db, OccasionKey(reference, kind, lane), plan())
    if as_json:
        emit(found)
    else:
        _show(found)


@app.command("import", epilog=_IMPORT)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="One occasion a row, the first row names columns.")],
    kind: Annotated[str, typer.Option(help="Of which kind they are.")],
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", help="PARAMETER=COLUMN, or PARAMETER:=TEXT for all; also to, at, reference."),
    ] = None,
    zone: Zone = None,
    language: Language = None,
    lane: Lane = "default",
    as_json: AsJson = False,
) -> None:
    """Save an occasion for each row. Rows that are wrong stop no other; they are told by number, and it ends with 4."""
    from workers.command.booking import Sheet

    by = plan()
    check_lane(lane)
    sheet = Sheet(by, kind, lane, zone or by.lane_zone(lane), language)
    with door() as way_in:
        result = sheet.save(file, map_ or (), way_in, note)
    if as_json:
        emit(result)
    else:
        for wrong in result["rejected"]:
            say(f"row {wrong['row']}: {wrong['reason']}")
        say(", ".join(f"{number} {change}" for change, number in result["saved"].items()) or "nothing was saved")
    if result["rejected"]:
        raise typer.Exit(REFUSED)


def _close(
    kind: str, reference: str, status: str, reason: str | None, version: int | None, lane: str, as_json: bool
) -> None:
    from harkara.occasions import Closing

    plan().rules.for_kind(kind)
    _tell(Closing(kind=kind, reference=reference, lane=lane, status=status, reason=reason, version=version), as_json)


def _tell(step: OccasionUpdate, as_json: bool) -> None:
    with door() as way_in:
        (answer,) = way_in.save_occasions([step], plan())
    if isinstance(answer, HarkaraError):
        raise answer
    if as_json:
        emit({"kind": step.kind, "reference": step.reference, "change": answer})
    else:
        say(f"{step.kind} {step.reference}  {answer}")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter("must be NAME=VALUE", param_hint="--set")
    return name, value


def _show(found: OccasionStatus) -> None:
    why = f": {found.reason}" if found.reason else ""
    say(f"{found.kind} {found.reference}  {found.status}{why}")
    say(f"At {iso_seconds(found.at)} ({found.zone}), lane {found.lane}, version {found.version or 'none'}\n")
    rows: list[tuple[object, ...]] = [
        (each.rule, clock(each.due_at), each.state, each.id, each.reason) for each in found.reminders
    ]
    rows += [(each.rule, "", "skipped", "", each.reason) for each in found.skipped]
    table(("rule", "due", "state", "message", "why"), rows)
