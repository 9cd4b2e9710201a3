"""`harkara campaign new`: reads the audience of a campaign from a CSV into the ledger."""

from __future__ import annotations

import csv
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.campaigns import CampaignMessage, Recipient, Reject, messages_of, parse_map, read
from harkara.errors import Invalid
from harkara.messages import Envelope
from workers.command.deployment import catalogue, check_lane, ledger
from workers.command.options import AsJson, time_option
from workers.command.output import emit, note, progress, say, table

if TYPE_CHECKING:
    from harkara.catalogue import Kind
    from harkara.ledger.campaigns.load import CampaignPlan, Loaded

EXAMPLES = """
Example: harkara campaign new diwali.csv --template promotional_broadcast --map to=Mobile --map customer=Name
--map image:=https://shop.example.com/diwali.jpg --opted-in

A parameter that is not mapped is read from the column of its own name, the number from the column `to`.
"""

Share = Annotated[
    float | None, typer.Option(min=0.001, max=1, help="Part of its latest messages that may fail before it pauses.")
]

_SHOWN = 5
"""Rejects that are printed; `--rejects` keeps them all."""


def new(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="CSV UTF-8, the columns' names in its first row.")],
    kind: Annotated[str, typer.Option("--template", metavar="KIND", help="`harkara templates` lists them.")],
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NAME=COLUMN", help="NAME:=TEXT is the same for all; repeat it for each."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it; else as the file is called.")] = None,
    lane: Annotated[str, typer.Option(help="The account to send from.")] = "default",
    language: Annotated[str | None, typer.Option(help="Of the approved text; else what the kind says.")] = None,
    opted_in: Annotated[bool, typer.Option("--opted-in", help="All of them agreed to marketing.")] = False,
    agreed_only: Annotated[
        bool, typer.Option("--agreed-only", help="Leave out whose agreement to marketing is not recorded here.")
    ] = False,
    expires: Annotated[datetime | None, time_option("What has not gone by then is cancelled.")] = None,
    error_share: Share = None,
    rejects: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write why rows were rejected.")] = None,
    as_json: AsJson = False,
) -> None:
    """Load a campaign: a message for every row that will do. None of them goes before `harkara campaign start`."""
    from config.settings import settings
    from harkara.ledger.campaigns.consent_filter import welcome
    from harkara.ledger.campaigns.load import CampaignPlan, load

    known = catalogue()
    found = known.find(kind)
    _check(found, opted_in or agreed_only)
    check_lane(lane)
    plan = CampaignPlan(
        name=file.stem[:80] if name is None else name,
        lane=lane,
        kind=kind,
        template=found.name,
        category=found.category,
        source=file.name,
        error_share=settings().error_share if error_share is None else error_share,
        seconds=settings().deadline_campaign.total_seconds(),
        expires=expires,
    )

    def envelope(recipient: Recipient) -> Envelope:
        template = known.message(kind, recipient.values, language=language, opted_in=True)
        return Envelope(to=recipient.to, messages=[template], lane=lane, producer=plan.id)

    columns = parse_map(mapped or (), found.parameters)
    with ledger() as db, _rejects(rejects) as refused:
        people = welcome(db, lane, found.category, read(file, columns), agreed_only=agreed_only)
        rows = messages_of(people, envelope)
        loaded = load(db, plan, refused.noted(progress(rows, "Loading", lambda: _lines(file))))
    _tell(plan, loaded, refused, as_json)


@dataclass
class _Rejects:
    """What of the rejects is kept in memory: how many of each code, and the first few."""

    write: Any
    by_code: Counter[str] = field(default_factory=Counter)
    first: list[Reject] = field(default_factory=list)

    def noted(self, rows: Iterable[CampaignMessage | Reject]) -> Iterator[CampaignMessage | Reject]:
        for row in rows:
            if isinstance(row, Reject):
                self._note(row)
            yield row

    def _note(self, reject: Reject) -> None:
        self.by_code[reject.code] += 1
        if len(self.first) < _SHOWN:
            self.first.append(reject)
        if self.write:
            self.write((reject.row, reject.field, reject.code, reject.rule))


@contextmanager
def _rejects(path: Path | None) -> Iterator[_Rejects]:
    if path is None:
        yield _Rejects(None)
        return
    try:
        file = path.open("w", encoding="utf-8-sig", newline="")  # with the mark by which spreadsheets know it
    except OSError as error:
        raise Invalid("rejects", f"cannot be written: {error.strerror}") from None
    with file:
        writer = csv.writer(file)
        writer.writerow(("row", "column", "code", "rule"))
        yield _Rejects(writer.writerow)


def _check(kind: Kind, agreed: bool) -> None:
    if kind.category == "authentication":
        raise Invalid("template", "is for one person's code, and not for a campaign")
    if kind.category == "marketing" and not agreed:
        rule = "is marketing: --opted-in says that all in the file agreed, --agreed-only leaves out who is not known to"
        raise Invalid("template", rule)


def _lines(file: Path) -> int:
    with file.open("rb") as opened:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: opened.read(1 << 20), b""))


def _tell(plan: CampaignPlan, loaded: Loaded, refused: _Rejects, as_json: bool) -> None:
    if as_json:
        first = [{"row": r.row, "column": r.field, "code": r.code, "rule": r.rule} for r in refused.first]
        told = {"id": plan.id, "name": plan.name, "audience": loaded.audience, "rejected": loaded.rejected}
        emit(told | {"by_code": refused.by_code, "first_rejects": first})
        return
    say(f"{plan.name}  {loaded.audience:,} recipients, {loaded.rejected:,} rejected  ({plan.id})")
    if refused.by_code:
        table(("rejected because", "rows"), refused.by_code.most_common())
        for reject in refused.first:
            say(f"  {reject}")
    key = shlex.quote(plan.name)
    note(f"Nothing goes yet: `harkara campaign rehearse {key}`, then `harkara campaign start {key}`.")
