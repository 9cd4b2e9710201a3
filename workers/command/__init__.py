"""The `harkara` command: send messages, show and decide what happens to them, and manage the lanes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from harkara.__main__ import print_version
from workers.command import (
    acts,
    alarms,
    assistant,
    audit,
    backup,
    budget,
    callbacks,
    campaign,
    consent,
    conversation,
    dead_letters,
    doctor,
    faq,
    goals,
    lanes,
    occasion,
    person,
    proof,
    recover,
    reload,
    resolve,
    send,
    spend,
    status,
    templates,
    user,
)
from workers.command.errors import Commands
from workers.command.outline import command, group
from workers.hidden import hidden

__all__ = ["app", "main"]

COMMANDS = (
    command("send", send.send, send.EXAMPLES),
    command("templates", templates.templates, "Example: harkara templates order_confirmation"),
    command("status", status.status, "Example: harkara status order-1042"),
    command("list", status.listing, "Example: harkara list --state failed --since -2h"),
    command("cancel", resolve.cancel, "Example: harkara cancel order-1042 order-1043"),
    command("resend", resolve.resend, "Example: harkara resend --state failed --code 131000 --since -1d"),
    command("resolve", resolve.resolve, "Example: harkara resolve order-1042 --sent --by Asha"),
    command("backup", backup.backup, "Example: harkara backup var/ledger-monday.backup"),
    command("recover", recover.recover, "Example: harkara recover --sent-until 2026-11-30T02:00+05:30"),
    command("audit", audit.audit, "Example: harkara audit --json"),
    command("acts", acts.acts, "Example: harkara acts --by Asha"),
    command("spend", spend.spend, "Example: harkara spend --by category --since 2026-11-01"),
    command("reload", reload.reload, "Example: harkara reload --check"),
    command("doctor", doctor.doctor, "Example: harkara doctor"),
    group("lanes", lanes.app),
    group("occasion", occasion.app),
    group("campaign", campaign.app),
    group("budget", budget.app),
    group("conversation", conversation.app),
    group("faq", faq.app),
    group("assistant", assistant.app),
    group("consent", consent.app),
    group("person", person.app),
    group("proof", proof.app),
    group("user", user.app),
    group("alarms", alarms.app),
    group("goals", goals.app),
    group("callbacks", callbacks.app),
    group("dead-letters", dead_letters.app),
)


class Harkara(Commands):
    """The group of all commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given | {"commands": {each.name: each for each in COMMANDS}})


app = typer.Typer(
    name="harkara",
    cls=Harkara,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they would show numbers and texts
    epilog="Exit codes: 0 success, 1 error, 2 usage, 3 not found, 4 refused, 5 service unavailable.",
)


def main() -> None:
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
    """Durable WhatsApp sending through Chat Mitra."""
