"""`harkara person`: what the ledger knows about one person, and its erasure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from workers.command.deployment import ledger
from workers.command.options import AsJson, By, actor
from workers.command.output import emit, note, print_line, status_line
from workers.command.rows import open_private

app = typer.Typer(no_args_is_help=True, help="Export or erase what the ledger knows about one person.")

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="Number, or the user id of a callback.")]
OutFile = Annotated[Path | None, typer.Option("--out", metavar="FILE.json", help="File to write; default stdout.")]


@app.command(epilog="Example: harkara person export 9876543210 --out person.json")
def export(number: Number, out: OutFile = None) -> None:
    """Write everything the ledger knows about a person as JSON, under all their names. Exits with 3 for nothing."""
    from harkara.ledger.personal.export import export_person

    with ledger() as db:
        _write(export_person(db, number, by=actor()), out)


@app.command(epilog="Example: harkara person erase 9876543210 --yes --by Asha --out receipt.json")
def erase(
    number: Number,
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase; without it, only what would be erased is counted.")
    ] = False,
    by: By = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Erase a person for good: cancel what waits, then erase numbers and texts. Writes a receipt with --yes."""
    from config import erasure
    from harkara.ledger.personal.find import count_own

    with ledger() as db:
        if yes:
            with status_line() as show:
                receipt = erasure.erase(db, number, actor(by), show)
            _write(receipt, out)
        else:
            _report_plan(count_own(db, number), as_json)


def _report_plan(counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        emit({"erased": False, "rows": counts})
        return
    rows = ", ".join(f"{table} {number:,}" for table, number in counts.items())
    print_line(f"Rows about this person: {rows or 'none'}")
    note("Nothing was erased. Add --yes to erase them; this cannot be undone.")


def _write(document: dict[str, Any], out: Path | None) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2)
    if out is None:
        typer.echo(text)
        return
    with open_private(out, "out") as file:
        file.write(text + "\n")
    note(f"Wrote {out}.")
