"""`harkara consent import`: opt-outs and opt-ins from a CSV, such as the list of the system before this one."""

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

from harkara.campaigns import Recipient, Reject, parse_map, read
from harkara.errors import Invalid
from workers.command.deployment import check_lane, configured, ledger
from workers.command.options import AsJson
from workers.command.output import REFUSED, emit, note, say

if TYPE_CHECKING:
    from harkara.inbound.contact import ConsentChoice
    from harkara.ledger.database import Database

EXAMPLES = """
Example: harkara consent import stopped.csv --map to=Mobile --map at=Date --map wish:=opt-out --map category:=everything
--map "proof:=STOP by SMS"

A row says to, wish (opt-out or opt-in), category (everything or marketing), at and proof; `export` writes such a file.
"""

BATCH = 500
"""Rows in one transaction."""

_PARAMETERS = ("wish", "category", "at", "proof")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="CSV UTF-8, the columns' names in its first row.")],
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NAME=COLUMN", help="NAME:=TEXT is the same for all; repeat it for each."),
    ] = None,
    lane: Annotated[str, typer.Option(help="The account that it is about.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Keep a wish for each row. Rows that are wrong stop no other; they are told by number, and it ends with 4.

    Each counts from the time at which it was said: an old list does not undo what somebody has said since.
    """
    check_lane(lane)
    here = configured().get(lane)
    sheet = Sheet(file, lane, here.zone if here else ZoneInfo("UTC"))
    with ledger() as db:
        told = sheet.keep(db, mapped or ())
    if as_json:
        emit(told)
    else:
        for wrong in told["rejected"]:
            say(f"row {wrong['row']}: {wrong['reason']}")
        say(f"{told['kept']:,} kept, {len(told['rejected']):,} rejected, messages withdrawn: {told['withdrawn']:,}")
    if told["rejected"]:
        raise typer.Exit(REFUSED)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file of wishes about one account; a time without a zone is of `zone`."""

    file: Path
    lane: str
    zone: ZoneInfo

    def keep(self, db: Database, mapping: list[str] | tuple[()]) -> dict[str, Any]:
        """How many wishes were kept and messages withdrawn, and each row that was not kept, with the reason.

        Raises Invalid, before anything is kept, for a file or a column that will not do.
        """
        from harkara.ledger.contacts.consent import record_consent

        rows = read(self.file, parse_map(mapping, _PARAMETERS), unique=False)
        told: Counter[str] = Counter(kept=0, withdrawn=0)
        rejected: list[dict[str, Any]] = []
        while batch := list(islice(rows, BATCH)):
            wishes = list(self._wishes(batch, rejected))
            told["withdrawn"] += len(record_consent(db, self.lane, wishes))
            told["kept"] += len(wishes)
            note(f"{told['kept']} kept, {len(rejected)} rejected")
        return {**told, "rejected": rejected}

    def _wishes(self, rows: list[Recipient | Reject], rejected: list[dict[str, Any]]) -> Iterator[ConsentChoice]:
        for row in rows:
            try:
                yield self._wish(row)
            except Invalid as error:
                rejected.append({"row": row.row, "reason": str(error)})

    def _wish(self, row: Recipient | Reject) -> ConsentChoice:
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
