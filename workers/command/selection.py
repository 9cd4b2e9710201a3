"""Acts on all messages that fit the filters: a preview with a token, and the act on exactly that set."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from workers.command.deployment import configured, ledger
from workers.command.filters import Filters
from workers.command.output import emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.ledger.database import Database
    from harkara.ledger.messages.search import MessageFilter
    from harkara.ledger.users.acts import Actor
    from harkara.message_selection import Act, Progress, SelectionPreview

Token = Annotated[str | None, typer.Option(help="Token of a preview: do it on exactly that set.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it on what fits now, without a preview.")]

_DONE = {"cancel": "cancelled", "resend": "resent", "sent": "noted as sent", "drop": "dropped"}


def act_on_all(act: Act, filters: Filters, token: str | None, yes: bool, by: Actor, as_json: bool) -> None:
    """Show the preview of an act, or do it with the token of one. Raises Conflict if the set has changed since."""
    from harkara.ledger.messages.selections import preview

    with ledger() as db:
        wanted = filters.wanted(db)
        if token is None and not yes:
            _show_preview(preview(db, wanted, act), as_json)
            return
        result = _perform(db, wanted, act, token or preview(db, wanted, act).token, by)
    if as_json:
        emit(result)
    else:
        print_line(f"{result.done:,} of {result.total:,} messages {_DONE[act]}")
        if result.left:
            print_line(f"{result.left:,} were left alone: they changed meanwhile, or cannot be sent again")


def act_on_one(db: Database, act: Act, identity: str, by: Actor) -> bool:
    """Do the act on one message; return whether it was possible."""
    from harkara.ledger.messages.search import MessageFilter
    from harkara.ledger.messages.selections import preview

    wanted = MessageFilter(id=identity)
    return bool(_perform(db, wanted, act, preview(db, wanted, act).token, by).done)


def _perform(db: Database, wanted: MessageFilter, act: Act, token: str, by: Actor) -> Progress:
    from config.settings import settings
    from harkara.ledger.messages.selections import perform
    from harkara.message_selection import Progress

    last = Progress(done=0, left=0, total=0)
    for last in perform(db, wanted, act, token, by, deadlines=settings().deadlines):
        if last.done + last.left < last.total:
            note(f"{last.done:,} of {last.total:,} messages {_DONE[act]}")
    return last


def _show_preview(shown: SelectionPreview, as_json: bool) -> None:
    from harkara.message_selection import delay_seconds

    delay = delay_seconds(shown, {name: lane.allowance for name, lane in configured().items()})
    if as_json:
        emit(dict(shown) | {"delay_seconds": delay})
        return
    if not shown.count:
        note("No message that fits can be treated so.")
        return
    print_line(f"{shown.count:,} messages would be {_DONE[shown.act]}. The newest:")
    rows = ((m.id, m.state, m.lane, m.template or m.kind, m.reference, m.code) for m in shown.examples)
    table(("id", "state", "lane", "message", "reference", "code"), rows)
    if delay:
        print_line(f"Other messages of the same lanes can wait up to {timedelta(seconds=round(delay))} longer.")
    print_line(f"Nothing was done yet. To do it on exactly these, add --token {shown.token}")
