"""`harkara consent`: who wants to hear from an account, who does not, and the proof of it."""

from __future__ import annotations

import typer

from workers.command.consent import decide, sheet, show

app = typer.Typer(no_args_is_help=True, help="Consent: who opted out or in, when, how and in which words.")
app.command(epilog="Example: harkara consent show 9876543210")(show.show)
app.command(epilog='Example: harkara consent out 9876543210 --proof "By telephone on 3 May"')(decide.out)
app.command("in", epilog='Example: harkara consent in 9876543210 --marketing --proof "Form of 3 May"')(decide.in_)
app.command("import", epilog=sheet.EXAMPLES)(sheet.import_)
app.command(epilog="Example: harkara consent export --csv consent.csv")(show.export)
