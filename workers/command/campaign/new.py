"""`harkara campaign new`: load the audience of a campaign from a CSV or Excel file into the ledger."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.command.deployment import check_lane, ledger
from workers.command.options import AsJson, example, me, time_option
from workers.command.output import emit, note, print_line, progress, table
from workers.command.rows import open_csv

if TYPE_CHECKING:
    from harkara.campaigns import CampaignMessage, Reject
    from harkara.campaigns.rejects import Rejects
    from harkara.campaigns.steps import CampaignSteps
    from harkara.catalogue import Preview
    from harkara.ledger.campaigns.create import CampaignRequest, CampaignSettings
    from harkara.ledger.campaigns.load import CampaignPlan, LoadResult
    from harkara.messages import Message

EXAMPLES = "\n\n".join(
    (
        example(
            "harkara campaign new diwali.csv --template promotional_broadcast",
            "--map to=Mobile --map customer=Name --opted-in",
            "--map image:=https://shop.example.com/diwali.jpg",
        ),
        "The first row names the columns.",
        "A parameter that is not mapped is read from the column of the same name, the number from the column `to`.",
        "The column `customer_name`, if there is one, is the name that `harkara campaign report --numbers` shows.",
    )
)

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="CSV file in UTF-8 or Excel file (.xlsx), whose first visible sheet counts."),
]
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
RejectsFile = Annotated[
    Path | None, typer.Option(metavar="FILE.csv", help="Write the rejected rows with their reasons to this file.")
]

Canary = Annotated[
    float | None, typer.Option(metavar="SHARE", help="Share that goes first and is judged, such as 0.02.")
]
CanaryHours = Annotated[float, typer.Option(help="Hours after the canary was sent until it is judged.")]
First = Annotated[
    str | None,
    typer.Option(metavar="COLUMN=VALUE|SHARE", help="First wave: the rows with a value in a column, or a share."),
]
WaveHours = Annotated[float, typer.Option(help="Hours from the first wave to the others.")]
StopLoss = Annotated[str | None, typer.Option(metavar="AMOUNT", help="Pause when it has cost this much, such as 5000.")]
HoldOut = Annotated[
    float | None, typer.Option(metavar="SHARE", help="Share that gets nothing, to measure the effect on answers.")
]
AnswerDays = Annotated[int, typer.Option(help="Days within which answers count for the effect.")]

_SHOWN = 5
"""Rejected rows that are printed; `--rejects` writes all of them."""


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
    canary: Canary = None,
    canary_hours: CanaryHours = 1.0,
    first: First = None,
    wave_hours: WaveHours = 24.0,
    stop_loss: StopLoss = None,
    hold_out: HoldOut = None,
    answer_days: AnswerDays = 7,
    rejects: RejectsFile = None,
    as_json: AsJson = False,
) -> None:
    """Load a campaign: a message for every valid row. None is sent before `harkara campaign start`."""
    from harkara.campaigns import parse_mapping
    from harkara.campaigns.excel import opened_as_csv
    from harkara.ledger.campaigns.create import CampaignRequest, make_plan
    from workers.command.campaign.settings import campaign_settings

    known = campaign_settings()
    request = CampaignRequest(
        name=file.stem[:80] if name is None else name,
        lane=lane,
        kind=kind,
        source=file.name,
        mapping=parse_mapping(mapped or []),
        language=language,
        opted_in=opted_in,
        agreed_only=agreed_only,
        expires=expires,
        error_share=error_share,
        steps=_steps(first, canary=canary, canary_hours=canary_hours, wave_hours=wave_hours, hold_out=hold_out),
        stop_loss=stop_loss,
        answer_days=answer_days,
    )
    plan = make_plan(request, known)
    check_lane(lane)
    with opened_as_csv(file) as (rows, sheet), _rejects(rejects, file) as refused:
        plan = plan if sheet is None else replace(plan, source=f"{file.name}, sheet {sheet}")
        loaded, shown = _load(plan, request, known, rows, refused)
    _report(plan, loaded, refused, shown, as_json)


def _load(
    plan: CampaignPlan, request: CampaignRequest, known: CampaignSettings, file: Path, refused: Rejects
) -> tuple[LoadResult, Sequence[Preview]]:
    """Write the messages of the audience to the ledger row by row, and give the rejected rows to `refused`.

    Return the result, and what the first recipient reads.
    """
    from harkara.campaigns.sheet import check_lines, count_lines
    from harkara.ledger.campaigns.create import read_audience
    from harkara.ledger.campaigns.load import load
    from harkara.ledger.users.acts import Actor
    from workers.command.preview import preview

    first: list[Message] = []
    check_lines(lines := count_lines(file))
    with ledger() as db:
        rows = _with_first(read_audience(db, request, plan, known, file), first)
        actor = Actor(me(), "command")
        loaded = load(db, plan, refused.record(progress(rows, "Loading", lambda: lines)), actor=actor)
    return loaded, preview(first)


def _with_first(rows: Iterable[CampaignMessage | Reject], first: list[Message]) -> Iterator[CampaignMessage | Reject]:
    """Yield the rows, and put the messages of the first recipient into `first`."""
    from harkara.campaigns import CampaignMessage

    for row in rows:
        if not first and isinstance(row, CampaignMessage):
            first.extend(row.envelope.messages)
        yield row


def _steps(first: str | None, **others: Any) -> CampaignSteps:
    """Return the steps; `first` is `COLUMN=VALUE`, or a share such as 0.2. Raises Invalid."""
    from harkara.campaigns.steps import CampaignSteps
    from harkara.errors import Invalid

    if first is None:
        return CampaignSteps(**others)
    column, equals, value = (part.strip() for part in first.partition("="))
    if equals:
        return CampaignSteps(wave_column=column, wave_value=value, **others)
    try:
        return CampaignSteps(wave_share=float(first), **others)
    except ValueError:
        raise Invalid("first", "must be COLUMN=VALUE, or a share such as 0.2") from None


@contextmanager
def _rejects(path: Path | None, audience: Path) -> Iterator[Rejects]:
    """Give what records the rejected rows. Raises Invalid for the file of the audience, which would be overwritten."""
    from harkara.campaigns.rejects import COLUMNS, Rejects
    from harkara.errors import Invalid

    if path is None:
        yield Rejects(most=_SHOWN)
        return
    if path.exists() and path.samefile(audience):
        raise Invalid("rejects", "is the file of the audience, which would be overwritten: name another file")
    from harkara.campaigns.spreadsheet import CsvWriter

    with open_csv(path, "rejects") as file:
        writer = CsvWriter(file)
        writer.write(COLUMNS)
        yield Rejects(writer.write, _SHOWN)


def _report(plan: CampaignPlan, loaded: LoadResult, refused: Rejects, shown: Sequence[Preview], as_json: bool) -> None:
    from workers.command.preview import note_previews, preview_fields

    if as_json:
        first = [{"row": r.row, "column": r.field, "code": r.code, "rule": r.rule} for r in refused.first]
        result = {"id": plan.id, "name": plan.name, "audience": loaded.audience, "rejected": loaded.rejected}
        previews = [preview_fields(each) for each in shown]
        emit(result | {"by_code": refused.by_code, "first_rejects": first, "previews": previews})
        return
    print_line(f"{plan.name}  recipients: {loaded.audience:,}, rejected: {loaded.rejected:,}  ({plan.id})")
    if refused.by_code:
        table(("rejected because", "rows"), refused.by_code.most_common())
        for reject in refused.first:
            print_line(f"  {reject}")
    if shown:
        note("The first message:")
        note_previews(shown)
    for sentence in plan.steps.explain(plan.error_share):
        note(sentence)
    key = shlex.quote(plan.name)
    note(f"Nothing is sent yet: run `harkara campaign rehearse {key}`, then `harkara campaign start {key}`.")
