"""`harkara consent`: opt-outs and opt-ins, with their proof."""

from __future__ import annotations

import typer

from workers.command.consent import consent_import, record, show

app = typer.Typer(no_args_is_help=True, help="Show and record opt-outs and opt-ins, with their proof.")
app.command(epilog="Example: harkara consent show 9876543210")(show.show)
app.command(epilog='Example: harkara consent out 9876543210 --proof "By telephone on 3 May"')(record.out)
app.command("in", epilog='Example: harkara consent in 9876543210 --marketing --proof "Form of 3 May"')(record.in_)
app.command("import", epilog=consent_import.EXAMPLES)(consent_import.import_)
app.command(epilog="Example: harkara consent export --csv consent.csv")(show.export)
