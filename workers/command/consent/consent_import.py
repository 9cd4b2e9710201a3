"""`harkara consent import`: opt-outs and opt-ins from a CSV file, such as the list of a former system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from harkara.errors import Invalid
from workers.command.deployment import check_lane, ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson, By, actor, example
from workers.command.output import REFUSED, emit, note, print_line

if TYPE_CHECKING:
    from harkara.campaigns import Recipient, Reject
    from harkara.inbound.contact import ConsentChoice
    from harkara.ledger.database import Database

EXAMPLES = "\n\n".join(
    (
        example(
            "harkara consent import stopped.csv --map to=Mobile --map at=Date",
            '--map wish:=opt-out --map category:=everything --map "proof:=STOP by SMS"',
        ),
        "Columns: to, wish (opt-out or opt-in), category (everything or marketing), at and proof; `export` writes such "
        "a file.",
    )
)

BATCH = 500
"""Rows in one transaction."""

_PARAMETERS = ("wish", "category", "at", "proof")


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="CSV file in UTF-8; the first row names the columns.")
    ],
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="NAME=COLUMN",
            help="Column of a parameter; NAME:=TEXT is a fixed text; repeat it for each.",
        ),
    ] = None,
    lane: Annotated[str, typer.Option(help="Account that it concerns.")] = "default",
    zone: Annotated[str | None, typer.Option(help="Time zone of times without an offset; default the lane's.")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Record a choice for each row. Invalid rows are listed by number, and the exit code is 4.

    Each choice counts from its own time, so an old list does not undo a newer choice.
    """
    from harkara.ledger.users.acts import record_done

    check_lane(lane)
    importer = ConsentImport(file, lane, _zone(zone, lane))
    with ledger() as db:
        result = importer.record(db, mapped or ())
        if result["kept"]:
            record_done(db, actor(by), "consent.imported", lane, number=result["kept"])
    if as_json:
        emit(result)
    else:
        for wrong in result["rejected"]:
            print_line(f"row {wrong['row']}: {wrong['reason']}")
        print_line(f"{result['kept']:,} kept, {len(result['rejected']):,} rejected, cancelled: {result['withdrawn']:,}")
    if result["rejected"]:
        raise typer.Exit(REFUSED)


def _zone(name: str | None, lane: str) -> ZoneInfo:
    if name is None:
        return LocalTime().zone(lane)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise Invalid("zone", "is not the name of a time zone; use one such as Asia/Kolkata") from None


@dataclass(frozen=True, slots=True)
class ConsentImport:
    """A CSV file of consent choices for one lane; a time without a zone is local to `zone`."""

    file: Path
    lane: str
    zone: ZoneInfo

    def record(self, db: Database, mapping: list[str] | tuple[()]) -> dict[str, Any]:
        """Record the rows; return the numbers recorded and of messages cancelled, and the rejected rows with reasons.

        Raises Invalid, before anything is recorded, for an unreadable file or an unknown column.
        """
        from harkara.campaigns import parse_mapping, read_recipients
        from harkara.ledger.contacts.consent import record_consent
        from harkara.people.names import parse_name

        rows = read_recipients(self.file, parse_mapping(mapping, _PARAMETERS), unique=False, parse_to=parse_name)
        result: Counter[str] = Counter(kept=0, withdrawn=0)
        rejected: list[dict[str, Any]] = []
        while batch := list(islice(rows, BATCH)):
            choices = list(self._choices(batch, rejected))
            result["withdrawn"] += len(record_consent(db, self.lane, choices))
            result["kept"] += len(choices)
            note(f"{result['kept']} kept, {len(rejected)} rejected")
        return {**result, "rejected": rejected}

    def _choices(self, rows: list[Recipient | Reject], rejected: list[dict[str, Any]]) -> Iterator[ConsentChoice]:
        for row in rows:
            try:
                yield self._choice(row)
            except Invalid as error:
                rejected.append({"row": row.row, "reason": str(error)})

    def _choice(self, row: Recipient | Reject) -> ConsentChoice:
        from harkara.campaigns import Reject
        from harkara.inbound.contact import ConsentChoice

        if isinstance(row, Reject):
            raise Invalid(row.field or "row", row.rule)
        said = dict(row.values)
        at = self._moment(said.pop("at"))
        return ConsentChoice.parse(row.to, action=said.pop("wish"), how="import", at=at, **said)

    def _moment(self, text: str) -> datetime:
        from harkara.messages.validation import field_path
        from harkara.times import to_utc

        with field_path("at"):
            return to_utc(text, self.zone)
