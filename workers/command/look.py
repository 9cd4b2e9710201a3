"""`harkara status` and `harkara list`: where messages stand, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from harkara.phone import normalize
from harkara.states import State
from harkara.status import MessageStatus, MessageSummary
from workers.command.deployment import ledger
from workers.command.options import AsJson, Key, LaneOf, time_option
from workers.command.output import clock, emit, note, say, table
from workers.command.why import next_step


def status(key: Key, lane: LaneOf = None, as_json: AsJson = False) -> None:
    """Show where a message stands, why, what to do next, and everything that happened to it."""
    from harkara.ledger.messages import queries
    from harkara.ledger.messages.commands import find_id

    with ledger() as db:
        message = queries.get_status(db, find_id(db, key, lane))
        step = next_step(db, message)
    if as_json:
        emit(dict(message) | {"next": step})
    else:
        _show_status(message, step)


def listing(
    state: Annotated[list[State] | None, typer.Option(help="In this state; repeat it for more.")] = None,
    lane: Annotated[str | None, typer.Option(help="Of this lane.")] = None,
    to: Annotated[str | None, typer.Option(help="To this number, however it is written.")] = None,
    reference: Annotated[str | None, typer.Option(help="With this reference.")] = None,
    code: Annotated[str | None, typer.Option(help="With this code, such as 131049 or expired.")] = None,
    producer: Annotated[str | None, typer.Option(help="Handed over by this application.")] = None,
    template: Annotated[str | None, typer.Option(help="From this template.")] = None,
    flagged: Annotated[bool, typer.Option("--flagged", help="Perhaps sent twice.")] = False,
    since: Annotated[datetime | None, time_option("Handed over since, such as -2h.")] = None,
    until: Annotated[datetime | None, time_option("Handed over before.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    before: Annotated[str | None, typer.Option(metavar="ID", help="Go on after the last id of a list.")] = None,
    as_json: AsJson = False,
) -> None:
    """List messages, newest first, that fit every filter."""
    from harkara.ledger.messages import queries

    with ledger() as db:
        found = queries.list_messages(
            db,
            states=state or (),
            lane=lane,
            recipient=None if to is None else normalize(to),
            reference=reference,
            code=code,
            producer=producer,
            template=template,
            flagged=flagged,
            since=since,
            until=until,
            limit=limit,
            before=before,
        )
    more = found[-1].id if len(found) == limit else None
    if as_json:
        emit({"messages": found, "before": more})
    else:
        _show_list(found, more)


def _show_status(message: MessageStatus, step: str | None) -> None:
    say(f"{message.id}  {message.state}")
    say(f"{_what(message)} ({message.category}), lane {message.lane}, reference {message.reference or 'none'}")
    if about := message.occasion:
        say(f"Reminder {about.rule} of the {about.kind} {about.reference}")
    say(f"Due {clock(message.due_at)}, worth sending until {clock(message.expires_at)}, tries: {message.tries}")
    for flag in message.flags:
        say(_FLAGS[flag])
    if message.reason:
        say(f"Why: {message.reason} [{message.code}]")
    if step:
        say(f"Next: {step}")
    say("")
    table(("when", "event", "detail"), ((clock(entry.at), entry.event, entry.detail) for entry in message.trace))


_FLAGS = {
    "maybe_duplicate": "Perhaps sent twice.",
    "fallback": "Goes as a template, instead of what was handed over: its 24-hour window was closed.",
}


def _show_list(found: Sequence[MessageSummary], more: str | None) -> None:
    if not found:
        note("No message fits.")
        return
    rows = ((m.id, m.state, clock(m.created_at), m.lane, _what(m), m.reference, m.code) for m in found)
    table(("id", "state", "handed over", "lane", "message", "reference", "code"), rows)
    if more:
        note(f"There may be more: add --before {more}")


def _what(message: MessageSummary) -> str:
    return f"{message.kind} {message.template or ''}".rstrip()
