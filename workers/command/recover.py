"""`harkara recover`: the step after the ledger was restored from a backup, or a failover has lost commits."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from harkara.errors import Invalid, Unavailable
from workers.command.deployment import configured, ledger
from workers.command.options import AsJson, By, actor, me, time_option
from workers.command.output import UNAVAILABLE, emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.delivery.begun_posts import BegunPosts
    from harkara.delivery.last_posts import LastPosts
    from harkara.ledger.database import Database
    from harkara.ledger.events.process import EventContext
    from harkara.ledger.recovery import Proposals

Apply = Annotated[bool, typer.Option("--apply", help="Do what was shown.")]
SentUntil = Annotated[
    datetime | None,
    time_option("Time after which nothing was sent any more, such as that of the outage; now by default."),
]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Most messages to show.")]


def recover(
    apply: Apply = False, sent_until: SentUntil = None, limit: Limit = 100, by: By = None, as_json: AsJson = False
) -> None:
    """After a restore, or a failover that lost commits: park all lanes, and find the messages that may have been sent.

    Shows each such message with what stored webhooks say about it; --apply parks the lanes, marks the messages as
    uncertain, and applies the webhooks. Stop the workers first. Messages that are due later stay as they are.
    """
    from config.files import ConfigFiles
    from config.settings import settings
    from config.wiring.events import event_context
    from harkara.ledger.messages.undone import known_lanes
    from harkara.ledger.recovery import propose

    with ledger() as db:
        lanes = sorted(configured().keys() | known_lanes(db))
        if sent_until:
            _refuse_future(db, sent_until)
            _refuse_earlier_than_posts(db, lanes, sent_until)
        context = event_context(ConfigFiles.load(settings()))
        proposals = propose(db, context.lanes, context.parse, sent_until, limit=limit)
        until = _apply(db, context, lanes, by, sent_until) if apply else None
        problem = _forget_posts(db, lanes, until) if until else None
    _show(lanes, proposals, apply, problem, as_json)
    if problem:
        raise typer.Exit(UNAVAILABLE)


def _refuse_future(db: Database, sent_until: datetime) -> None:
    """A time that is still to come would mark messages as uncertain that are due later. Raises Invalid."""
    from harkara.json_record import iso_seconds
    from harkara.ledger.identity import current_time

    if sent_until > (now := current_time(db)):
        raise Invalid(
            "sent-until",
            f"{iso_seconds(sent_until)} is after now, {iso_seconds(now)}: give the time at which the last worker "
            "stopped, or leave the option out",
        )


def _refuse_earlier_than_posts(db: Database, lanes: list[str], sent_until: datetime) -> None:
    """A time before a POST that is known would send messages twice. Raises Invalid."""
    from harkara.json_record import iso_seconds
    from harkara.ledger.restore import latest_posts

    known = list(latest_posts(db, lanes).values())
    with suppress(Unavailable):  # Redis may be lost, too
        known += _last_posts(db, lanes)[0].published().values()
    if known and (latest := max(known)) > sent_until:
        raise Invalid("sent-until", f"must not be before the last POST that is known, of {iso_seconds(latest)}")


def _apply(
    db: Database, context: EventContext, lanes: list[str], by: str | None, sent_until: datetime | None
) -> datetime:
    """Return the time until which messages may have been sent."""
    from harkara.ledger.events.process import any_due, process
    from harkara.ledger.identity import current_time
    from harkara.ledger.restore import settle_restored
    from harkara.ledger.users.acts import record_done

    until = sent_until or current_time(db)
    marked = settle_restored(db, lanes, by or me(), until)
    record_done(db, actor(by), "ledger.restored", ", ".join(lanes), number=marked)
    while any_due(db):
        process(db, context)
    # A webhook that makes a fallback due may have done so before: the fallback may have been sent, too.
    settle_restored(db, lanes, by or me(), until)
    return until


def _forget_posts(db: Database, lanes: list[str], until: datetime) -> str | None:
    """Let the ledger count as complete again; return None, or why it does not and what continues."""
    from harkara.json_record import iso_seconds
    from harkara.ledger.timeline import store_timeline

    try:
        last_posts, begun_posts = _last_posts(db, lanes)
        last_posts.forget()
        begun_posts.forget()
    except Unavailable as error:  # what is accepted until it answers was not sent
        return f"the lanes are parked and the messages are marked, but {error}, with --sent-until {iso_seconds(until)}"
    store_timeline(db)
    return None


def _show(lanes: list[str], proposals: Proposals, applied: bool, problem: str | None, as_json: bool) -> None:
    if as_json:
        messages = [each._asdict() for each in proposals.messages]
        unfinished = {"problem": problem} if problem else {}
        return emit({"applied": applied, "lanes": lanes, **proposals.numbers, "messages": messages, **unfinished})
    numbers = "  ".join(f"{decision}: {number}" for decision, number in proposals.numbers.items())
    print_line(f"{'parked' if applied else 'to park'}: {', '.join(lanes) or 'no lane'}  {numbers}")
    if proposals.messages:
        table(("id", "lane", "state", "due", "decision", "why"), proposals.messages)
    if (more := sum(proposals.numbers.values()) - len(proposals.messages)) > 0:
        note(f"{more} more; --limit shows them.")
    if problem:
        note(f"Error: {problem}")
    elif applied:
        note("Next: `harkara list --state uncertain --code restored`, then `harkara lanes unpark` for each lane.")
    else:
        note("Nothing was changed: the same command with --apply does it.")


def _last_posts(db: Database, lanes: list[str]) -> tuple[LastPosts, BegunPosts]:
    """Return what Redis knows of the last POSTs. Raises Unavailable when `make up`, which brings it, does not run."""
    from config.settings import settings
    from harkara.delivery.begun_posts import BegunPosts
    from harkara.delivery.last_posts import LastPosts
    from harkara.redis_client import connect

    url = settings().redis_url
    if url is None:
        raise Unavailable("Redis does not run: start `make up`, and run this command once more")
    connection = connect(url, seconds=3)
    return LastPosts(db, connection, lanes), BegunPosts(connection)
