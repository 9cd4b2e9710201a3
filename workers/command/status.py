"""`harkara status` and `harkara list`: the state of messages, and the reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from harkara.states import State
from workers.command.deployment import ledger
from workers.command.local_time import LocalTime
from workers.command.next_step import next_step
from workers.command.options import AsJson, Key, LaneOf, time_option
from workers.command.output import emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.message_status import MessageStatus, MessageSummary


def status(key: Key, lane: LaneOf = None, as_json: AsJson = False) -> None:
    """Show the state of a message, the reason, the next step and its trace."""
    from harkara.ledger.messages import queries

    local = LocalTime()
    with ledger() as db:
        message = queries.get_status(db, queries.find_id(db, key, lane))
        step = next_step(db, message, local)
    if as_json:
        emit(dict(message) | {"next": step})
    else:
        _show_status(message, step, local)


def listing(
    state: Annotated[
        list[State] | None, typer.Option(metavar="STATE", help="State, such as failed; repeat it for several.")
    ] = None,
    lane: Annotated[str | None, typer.Option(help="Lane.")] = None,
    to: Annotated[str | None, typer.Option(help="Recipient's number, in any notation.")] = None,
    reference: Annotated[str | None, typer.Option(help="Your reference.")] = None,
    code: Annotated[str | None, typer.Option(help="Code, such as 131049 or expired.")] = None,
    producer: Annotated[str | None, typer.Option(help="Application that handed the message over.")] = None,
    template: Annotated[str | None, typer.Option(help="Template.")] = None,
    flagged: Annotated[bool, typer.Option("--flagged", help="Only messages that may have been sent twice.")] = False,
    since: Annotated[datetime | None, time_option("Handed over since this time, such as -2h.")] = None,
    until: Annotated[datetime | None, time_option("Handed over before this time.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Largest number of rows.")] = 50,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="Continue after this id, the last of a list.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List messages that match every filter, newest first."""
    from harkara.ledger.contacts.queries import all_names
    from harkara.ledger.messages import queries

    with ledger() as db:
        found = queries.list_messages(
            db,
            states=state or (),
            lane=lane,
            recipients=None if to is None else all_names(db, to),
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


def _show_status(message: MessageStatus, step: str | None, local: LocalTime) -> None:
    print_line(f"{message.id}  {message.state}")
    print_line(f"{_what(message)} ({message.category}), lane {message.lane}, reference {message.reference or 'none'}")
    if about := message.occasion:
        print_line(f"Reminder {about.rule} of the {about.kind} {about.reference}")
    due, expires = (local.show(at, message.lane) for at in (message.due_at, message.expires_at))
    print_line(f"Due {due}, expires {expires}, tries: {message.tries}")
    for flag in message.flags:
        print_line(_FLAGS[flag])
    if message.reason:
        print_line(f"Why: {local.within(message.reason, message.lane)} [{message.code}]")
    if step:
        print_line(f"Next: {step}")
    print_line("")
    rows = ((local.show(e.at, message.lane), e.event, local.within(e.detail, message.lane)) for e in message.trace)
    table(("when", "event", "detail"), rows)


_FLAGS = {
    "maybe_duplicate": "May have been sent twice.",
    "fallback": "Sent as a template instead, because the 24-hour window was closed.",
}


def _show_list(found: Sequence[MessageSummary], more: str | None) -> None:
    if not found:
        note("No message matches.")
        return
    local = LocalTime()
    rows = ((m.id, m.state, local.show(m.created_at, m.lane), m.lane, _what(m), m.reference, m.code) for m in found)
    table(("id", "state", "handed over", "lane", "message", "reference", "code"), rows)
    if more:
        note(f"There may be more messages: add --before {more}")


def _what(message: MessageSummary) -> str:
    return f"{message.kind} {message.template or ''}".rstrip()
