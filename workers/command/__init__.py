"""The `harkara` command: send messages, show and decide what happens to them, and manage the lanes."""

from __future__ import annotations

from typing import Annotated

import typer

from harkara import __version__
from workers.command import (
    audit,
    callbacks,
    campaign,
    consent,
    dead_letters,
    doctor,
    lanes,
    occasion,
    reload,
    resolve,
    restored,
    send,
    status,
    templates,
)
from workers.command.errors import Commands

__all__ = ["app", "main"]

app = typer.Typer(
    name="harkara",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they would show numbers and texts
    epilog="Exit codes: 0 success, 1 error, 2 usage, 3 not found, 4 refused, 5 service unavailable.",
)
app.command(epilog=send.EXAMPLES)(send.send)
app.command(epilog="Example: harkara templates order_confirmation")(templates.templates)
app.command(epilog="Example: harkara status order-1042")(status.status)
app.command("list", epilog="Example: harkara list --state failed --since -2h")(status.listing)
app.command(epilog="Example: harkara cancel order-1042 order-1043")(resolve.cancel)
app.command(epilog="Example: harkara resolve order-1042 --sent --by Asha")(resolve.resolve)
app.command(epilog="Example: harkara restored --by Asha")(restored.restored)
app.add_typer(lanes.app, name="lanes")
app.add_typer(occasion.app, name="occasion")
app.add_typer(campaign.app, name="campaign")
app.add_typer(consent.app, name="consent")
app.add_typer(callbacks.app, name="callbacks")
app.add_typer(dead_letters.app, name="dead-letters")
app.command(epilog="Example: harkara audit --json")(audit.audit)
app.command(epilog="Example: harkara reload --check")(reload.reload)
app.command(epilog="Example: harkara doctor")(doctor.doctor)


def main() -> None:
    app(prog_name="harkara")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"harkara {__version__}")
        raise typer.Exit


@app.callback()
def harkara(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Durable WhatsApp sending through Chat Mitra."""
