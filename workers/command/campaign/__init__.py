"""`harkara campaign`: send one template to everyone in a CSV file."""

from __future__ import annotations

import typer

from workers.command.campaign import again, control, effect, new, rehearse, report, results, watch

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Send one template to everyone in a CSV file.")
app.command(epilog=new.EXAMPLES)(new.new)
app.command(epilog="Example: harkara campaign rehearse diwali --at 2027-10-28T10:00+05:30")(rehearse.rehearse)
app.command(epilog="Example: harkara campaign start diwali --at +2h")(control.start)
app.command(epilog="Example: harkara campaign watch diwali")(watch.watch)
app.command(epilog='Example: harkara campaign pause diwali --reason "The price is wrong"')(control.pause)
app.command(epilog="Example: harkara campaign resume diwali")(control.resume)
app.command(epilog="Example: harkara campaign cancel diwali --by Asha")(control.cancel)
app.command(epilog="Example: harkara campaign report diwali --csv diwali-done.csv")(report.report)
app.command(epilog="Example: harkara campaign effect diwali")(effect.effect)
app.command(epilog="Example: harkara campaign results diwali")(results.results)
app.command(epilog="Example: harkara campaign again diwali --name diwali-2")(again.again)
app.command("list", epilog="Example: harkara campaign list --json")(control.listing)
