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

from harkara.campaigns import Recipient, Reject, parse_mapping, read_recipients
from harkara.errors import Invalid
from harkara.people.names import parse_name
from workers.command.deployment import check_lane, configured, ledger
from workers.command.options import AsJson
from workers.command.output import REFUSED, emit, note, print_line

if TYPE_CHECKING:
    from harkara.inbound.contact import ConsentChoice
    from harkara.ledger.database import Database

EXAMPLES = """
Example: harkara consent import stopped.csv --map to=Mobile --map at=Date --map wish:=opt-out --map category:=everything
--map "proof:=STOP by SMS"

Columns: to, wish (opt-out or opt-in), category (everything or marketing), at and proof; `export` writes such a file.
"""

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
    as_json: AsJson = False,
) -> None:
    """Record a choice for each row. Invalid rows are listed by number, and the exit code is 4.

    Each choice counts from its own time, so an old list does not undo a newer choice.
    """
    check_lane(lane)
    here = configured().get(lane)
    importer = ConsentImport(file, lane, here.zone if here else ZoneInfo("UTC"))
    with ledger() as db:
        result = importer.record(db, mapped or ())
    if as_json:
        emit(result)
    else:
        for wrong in result["rejected"]:
            print_line(f"row {wrong['row']}: {wrong['reason']}")
        print_line(f"{result['kept']:,} kept, {len(result['rejected']):,} rejected, cancelled: {result['withdrawn']:,}")
    if result["rejected"]:
        raise typer.Exit(REFUSED)


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
        from harkara.ledger.contacts.consent import record_consent

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
        from harkara.inbound.contact import ConsentChoice

        if isinstance(row, Reject):
            raise Invalid(row.field or "row", row.rule)
        said = dict(row.values)
        at = self._moment(said.pop("at"))
        return ConsentChoice.parse(row.to, action=said.pop("wish"), how="import", at=at, **said)

    def _moment(self, text: str) -> datetime:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise Invalid("at", "write 2026-05-03 or 2026-05-03T10:30, with +05:30 or Z if it is not local") from None
        return at if at.utcoffset() is not None else at.replace(tzinfo=self.zone)
