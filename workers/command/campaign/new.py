"""`harkara campaign new`: load the audience of a campaign from a CSV file into the ledger."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from harkara.errors import Invalid
from workers.command.deployment import catalogue, check_lane, ledger
from workers.command.options import AsJson, example, time_option
from workers.command.output import emit, note, print_line, progress, table
from workers.command.rows import open_csv

if TYPE_CHECKING:
    from harkara.campaigns import CampaignMessage, Reject
    from harkara.catalogue import Kind, Preview
    from harkara.ledger.campaigns.load import CampaignPlan, LoadResult

EXAMPLES = "\n\n".join(
    (
        example(
            "harkara campaign new diwali.csv --template promotional_broadcast",
            "--map to=Mobile --map customer=Name --opted-in",
            "--map image:=https://shop.example.com/diwali.jpg",
        ),
        "A parameter that is not mapped is read from the column of the same name, the number from the column `to`.",
        "The column `customer_name`, if there is one, is the name that `harkara campaign report --numbers` shows.",
    )
)

File = Annotated[Path, typer.Argument(metavar="FILE.csv", help="CSV file in UTF-8; the first row names the columns.")]
KindName = Annotated[
    str, typer.Option("--template", metavar="KIND", help="Kind of template; `harkara templates` lists them.")
]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="NAME=COLUMN", help="Column of a parameter; NAME:=TEXT is a fixed text; repeat it for each."
    ),
]
Name = Annotated[str | None, typer.Option(help="Name of the campaign; default the file's name.")]
Lane = Annotated[str, typer.Option(help="Account to send from.")]
Language = Annotated[str | None, typer.Option(help="Language of the template; default the kind's.")]
OptedIn = Annotated[bool, typer.Option("--opted-in", help="All recipients agreed to marketing.")]
AgreedOnly = Annotated[
    bool, typer.Option("--agreed-only", help="Skip recipients whose agreement to marketing is not recorded.")
]
Expires = Annotated[datetime | None, time_option("Messages that are not sent by then are cancelled.")]
Share = Annotated[
    float | None,
    typer.Option(min=0.001, max=1, help="Share of its latest messages that may fail before the campaign pauses."),
]
Rejects = Annotated[
    Path | None, typer.Option(metavar="FILE.csv", help="Write the rejected rows with their reasons to this file.")
]

NAME = "customer_name"
"""The parameter that each kind may have besides its own: the report shows it."""

_SHOWN = 5
"""Rejected rows that are printed; `--rejects` writes all of them."""


class _Audience(NamedTuple):
    """The file of the audience, how its columns map to parameters, and who of it gets a message in which language."""

    file: Path
    mapped: list[str]
    agreed_only: bool
    language: str | None


def new(
    file: File,
    kind: KindName,
    mapped: Mapped = None,
    name: Name = None,
    lane: Lane = "default",
    language: Language = None,
    opted_in: OptedIn = False,
    agreed_only: AgreedOnly = False,
    expires: Expires = None,
    error_share: Share = None,
    rejects: Rejects = None,
    as_json: AsJson = False,
) -> None:
    """Load a campaign: a message for every valid row. None is sent before `harkara campaign start`."""
    from config.settings import settings
    from harkara.ledger.campaigns.load import CampaignPlan

    found = catalogue().find(kind)
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
    with _rejects(rejects) as refused:
        loaded, shown = _load(plan, _Audience(file, mapped or [], agreed_only, language), refused)
    _report(plan, loaded, refused, shown, as_json)


def _load(plan: CampaignPlan, audience: _Audience, refused: _Rejects) -> tuple[LoadResult, Sequence[Preview]]:
    """Write the messages of the audience to the ledger row by row, and give the rejected rows to `refused`.

    Return the result, and what the first recipient reads.
    """
    from config.settings import settings
    from harkara.campaigns import Recipient, build_messages, parse_mapping, read_recipients
    from harkara.ledger.campaigns.consent_filter import filter_by_consent
    from harkara.ledger.campaigns.load import load
    from harkara.messages import Envelope, Template
    from workers.command.preview import preview

    first: list[Template] = []
    known, file = catalogue(), audience.file

    def envelope(recipient: Recipient) -> Envelope:
        values = dict(recipient.values)
        name = values.pop(NAME, None) or None
        template = known.message(plan.kind, values, language=audience.language, opted_in=True)
        if not first:
            first.append(template)
        return Envelope(to=recipient.to, messages=[template], lane=plan.lane, producer=plan.id, customer_name=name)

    columns = parse_mapping(audience.mapped, (*known.find(plan.kind).parameters, NAME))
    with ledger() as db:
        people = read_recipients(file, columns, optional=[NAME])
        key = settings().erasure_key
        agreed = filter_by_consent(
            db,
            plan.lane,
            plan.category,
            people,
            agreed_only=audience.agreed_only,
            erasure_key=key.get_secret_value() if key else None,
        )
        rows = build_messages(agreed, envelope)
        loaded = load(db, plan, refused.record(progress(rows, "Loading", lambda: _lines(file))))
    return loaded, preview(first)


@dataclass
class _Rejects:
    """The rejected rows in memory: their number by code, and the first few."""

    write: Any
    by_code: Counter[str] = field(default_factory=Counter)
    first: list[Reject] = field(default_factory=list)

    def record(self, rows: Iterable[CampaignMessage | Reject]) -> Iterator[CampaignMessage | Reject]:
        from harkara.campaigns import Reject

        for row in rows:
            if isinstance(row, Reject):
                self._add(row)
            yield row

    def _add(self, reject: Reject) -> None:
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
    from harkara.campaigns.spreadsheet import CsvWriter

    with open_csv(path, "rejects") as file:
        writer = CsvWriter(file)
        writer.write(("row", "column", "code", "rule"))
        yield _Rejects(writer.write)


def _check(kind: Kind, agreed: bool) -> None:
    if kind.category == "authentication":
        raise Invalid("template", "is an authentication template; a campaign cannot send one-time codes")
    if kind.category == "marketing" and not agreed:
        rule = (
            "is marketing: give --opted-in if all agreed, or --agreed-only to skip those without a recorded agreement"
        )
        raise Invalid("template", rule)


def _lines(file: Path) -> int:
    with file.open("rb") as opened:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: opened.read(1 << 20), b""))


def _report(plan: CampaignPlan, loaded: LoadResult, refused: _Rejects, shown: Sequence[Preview], as_json: bool) -> None:
    from workers.command.preview import note_previews, preview_fields

    if as_json:
        first = [{"row": r.row, "column": r.field, "code": r.code, "rule": r.rule} for r in refused.first]
        result = {"id": plan.id, "name": plan.name, "audience": loaded.audience, "rejected": loaded.rejected}
        previews = [preview_fields(each) for each in shown]
        emit(result | {"by_code": refused.by_code, "first_rejects": first, "previews": previews})
        return
    print_line(f"{plan.name}  {loaded.audience:,} recipients, {loaded.rejected:,} rejected  ({plan.id})")
    if refused.by_code:
        table(("rejected because", "rows"), refused.by_code.most_common())
        for reject in refused.first:
            print_line(f"  {reject}")
    if shown:
        note("The first message:")
        note_previews(shown)
    key = shlex.quote(plan.name)
    note(f"Nothing is sent yet: run `harkara campaign rehearse {key}`, then `harkara campaign start {key}`.")
