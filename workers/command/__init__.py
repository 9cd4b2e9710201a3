"""The `harkara` command: send messages, show and decide what happens to them, and manage the lanes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from harkara.__main__ import print_version
from workers.command.errors import Commands
from workers.command.outline import Outlines, command, group
from workers.command.output import allow_any_text
from workers.hidden import hidden

__all__ = ["app", "main"]

COMMANDS = Outlines(
    {
        "send": command("send", "send"),
        "templates": command("templates", "templates", "Example: harkara templates order_confirmation"),
        "status": command("status", "status", "Example: harkara status order-1042"),
        "list": command("status", "listing", "Example: harkara list --state failed --since -2h"),
        "cancel": command("resolve", "cancel", "Example: harkara cancel order-1042 order-1043"),
        "resend": command("resolve", "resend", "Example: harkara resend --state failed --code 131000 --since -1d"),
        "resolve": command("resolve", "resolve", "Example: harkara resolve order-1042 --sent --by Asha"),
        "backup": command("backup", "backup", "Example: harkara backup var/ledger-monday.backup"),
        "recover": command("recover", "recover", "Example: harkara recover --sent-until 2026-11-30T02:00+05:30"),
        "audit": command("audit", "audit", "Example: harkara audit --json"),
        "history": command("history", "history", "Example: harkara history --days 730"),
        "acts": command("acts", "acts", "Example: harkara acts --by Asha"),
        "spend": command("spend", "spend", "Example: harkara spend --by category --since 2026-11-01"),
        "reload": command("reload", "reload", "Example: harkara reload --check"),
        "doctor": command("doctor", "doctor", "Example: harkara doctor"),
        "lanes": group("lanes"),
        "occasion": group("occasion"),
        "campaign": group("campaign"),
        "budget": group("budget"),
        "conversation": group("conversation"),
        "faq": group("faq"),
        "assistant": group("assistant"),
        "consent": group("consent"),
        "person": group("person"),
        "proof": group("proof"),
        "user": group("user"),
        "alarms": group("alarms"),
        "goals": group("goals"),
        "callbacks": group("callbacks"),
        "dead-letters": group("dead_letters"),
    }
)


class Harkara(Commands):
    """The group of all commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given | {"commands": COMMANDS})


app = typer.Typer(
    name="harkara",
    cls=Harkara,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they would show numbers and texts
    epilog="Exit codes: 0 success, 1 error, 2 usage, 3 not found, 4 refused, 5 service unavailable.",
)


def main() -> None:
    allow_any_text()
    with hidden({"opentelemetry.sdk"}):  # redis-py would import it for metrics that are not recorded: 80 ms
        app(prog_name="harkara")


def _version(wanted: bool) -> None:
    if wanted:
        print_version()
        raise typer.Exit


@app.callback()
def harkara(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Send WhatsApp messages through Chat Mitra, see what happens to them, and decide about them."""
