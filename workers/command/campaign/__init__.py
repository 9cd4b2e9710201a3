"""`harkara campaign`: one template to everybody in a CSV, rehearsed, then started, paused, resumed or cancelled."""

from __future__ import annotations

import typer

from workers.command.campaign import new, rehearse, report, steer, watch

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Send one template to everybody in a CSV.")
app.command(epilog=new.EXAMPLES)(new.new)
app.command(epilog="Example: harkara campaign rehearse diwali --at 2026-11-24T10:00+05:30")(rehearse.rehearse)
app.command(epilog="Example: harkara campaign start diwali --at +2h")(steer.start)
app.command(epilog="Example: harkara campaign watch diwali")(watch.watch)
app.command(epilog='Example: harkara campaign pause diwali --reason "The price is wrong"')(steer.pause)
app.command(epilog="Example: harkara campaign resume diwali")(steer.resume)
app.command(epilog="Example: harkara campaign cancel diwali --by Asha")(steer.cancel)
app.command(epilog="Example: harkara campaign report diwali --csv diwali-done.csv")(report.report)
app.command("list", epilog="Example: harkara campaign list --json")(steer.listing)
