"""`harkara status` and `harkara list`: the state of messages, and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workers.command.deployment import configured, ledger
from workers.command.filters import Filters, with_filters
from workers.command.local_time import LocalTime
from workers.command.options import AsJson, Key, LaneOf
from workers.command.output import emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.ledger.database import Database
    from harkara.ledger.messages.listing import PageOfMessages
    from harkara.ledger.messages.search import Count, MessageFilter
    from harkara.message_status import MessageStatus, MessageSummary


def status(key: Key, lane: LaneOf = None, as_json: AsJson = False) -> None:
    """Show the state of a message, the reason, the next step and its trace."""
    from harkara.ledger.messages import queries

    with ledger() as db:
        message = queries.find_status(db, key, lane, configured())
    if as_json:
        emit(message)
    else:
        _show_status(message, LocalTime())


@with_filters
def listing(
    filters: Filters,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Largest number of rows.")] = 50,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="Continue after this id, the last of a list.")
    ] = None,
    why: Annotated[
        bool, typer.Option("--why", help="Group what waits, is uncertain or failed by reason, with what helps.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List messages that match every filter, newest first; with --why, what stops those that wait or failed."""
    from harkara.ledger.messages.listing import count_messages, list_page
    from harkara.ledger.messages.search import Count

    with ledger() as db:
        wanted = filters.wanted(db)
        if why:
            _show_groups(db, wanted, as_json)
            return
        found = list_page(db, wanted, limit=limit, before=before)
        count = count_messages(db, wanted) if found.before or before else Count(len(found.messages))
    if as_json:
        emit(
            {
                "messages": found.messages,
                "before": found.before,
                "count": count.number,
                "count_is_exact": count.exact,
            }
        )
    else:
        _show_list(found, count)


def _show_groups(db: Database, wanted: MessageFilter, as_json: bool) -> None:
    from harkara.ledger.messages.reasons import explain

    groups = explain(db, wanted, {name: lane.zone for name, lane in configured().items()})
    if as_json:
        emit({"groups": groups})
        return
    if not groups:
        note("No message that matches waits, is uncertain or failed.")
    lanes = {group.lane for group in groups}
    for group in groups:
        print_line(group.sentence + (f", lane {group.lane}" if len(lanes) > 1 else ""))
        for line in filter(None, (group.remedy, group.command and f"`{group.command}`")):
            print_line(f"  {line}")


def _show_status(message: MessageStatus, local: LocalTime) -> None:
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
    if message.next:
        print_line(f"Next: {local.within(message.next, message.lane)}")
    print_line("")
    rows = ((local.show(e.at, message.lane), e.event, local.within(e.detail, message.lane)) for e in message.trace)
    table(("when", "event", "detail"), rows)


_FLAGS = {
    "maybe_duplicate": "May have been sent twice.",
    "fallback": "Sent as a template instead, because the 24-hour window was closed.",
}


def _show_list(page: PageOfMessages, count: Count) -> None:
    local, found = LocalTime(), page.messages
    rows = ((m.id, m.state, local.show(m.created_at, m.lane), m.lane, _what(m), m.reference, m.code) for m in found)
    if found:
        table(("id", "state", "handed over", "lane", "message", "reference", "code"), rows)
    if page.cut:
        note(f"{len(found)} match so far; to search older messages, add --before {page.before}")
    elif page.before:
        note(f"{count} messages match; for the next, add --before {page.before}")
    elif not found:
        note("No message matches.")


def _what(message: MessageSummary) -> str:
    return f"{message.kind} {message.template or ''}".rstrip()
