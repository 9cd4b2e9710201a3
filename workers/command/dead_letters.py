"""`harkara dead-letters`: list, retry and delete entries that could not be applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from workers.command.deployment import ledger, plan
from workers.command.local_time import LocalTime
from workers.command.options import AsJson, By, actor
from workers.command.output import ERROR, emit, print_line, table

app = typer.Typer(no_args_is_help=True, help="Show entries that could not be applied; retry or delete them.")

Ids = Annotated[list[int] | None, typer.Argument(metavar="ID...", help="Ids of dead letters.")]
All = Annotated[bool, typer.Option("--all", help="All dead letters.")]


@app.command("list", epilog="Example: harkara dead-letters list")
def listing(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Largest number of rows, oldest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List entries that could not be applied, with the reason. Their contents, which may be private, are not shown."""
    from harkara.ledger.dead_letters import count_dead_letters, list_dead_letters

    with ledger() as db:
        numbers, letters = count_dead_letters(db), list_dead_letters(db, limit)
    shown = ("id", "source", "entry", "kind", "error", "reason", "created_at", "tries")
    rows: list[dict[str, Any]] = [{name: getattr(each, name) for name in shown} for each in letters]
    if as_json:
        dated = [row | {"created_at": row["created_at"].isoformat()} for row in rows]
        emit({"numbers": numbers, "dead_letters": dated})
        return
    local = LocalTime()
    print_line(f"{sum(numbers.values())} dead letters")
    table(shown, ([*(row | {"created_at": local.show(row["created_at"])}).values()] for row in rows))


@app.command(epilog="Example: harkara dead-letters retry --all")
def retry(ids: Ids = None, every: All = False, by: By = None, as_json: AsJson = False) -> None:
    """Apply entries again, for example after an upgrade; those that succeed are deleted. Exits with 1 if one fails."""
    from config.settings import settings
    from harkara.backends.broker import Broker
    from harkara.chatmitra.webhooks import parse
    from harkara.intake.commit import Committer
    from harkara.intake.retry import LetterRetry
    from harkara.ledger.users.acts import record_done

    chosen = _chosen(ids, every)
    with ledger() as db:
        broker = Broker.at(settings().broker_url)
        # Without hints the next dispatch finds the messages.
        committer = Committer(
            db, lambda _hints: None, plan=plan(), deadlines=settings().deadlines, queued_seconds=0.0, rejected=_ignore
        )
        results = list(LetterRetry(db, committer, parse, broker).retry(chosen))
        broker.close()
        if results:
            record_done(db, actor(by), "dead-letters.retried", number=len(results))
    failed = {letter.id: problem for letter, problem in results if problem}
    if as_json:
        emit({"retried": len(results) - len(failed), "failed": failed})
    else:
        print_line(f"Retried: {len(results) - len(failed)}")
        for letter_id, problem in failed.items():
            print_line(f"{letter_id} failed again: {problem}")
    if failed:
        raise typer.Exit(ERROR)


@app.command(epilog="Example: harkara dead-letters delete 7")
def delete(ids: Ids = None, every: All = False, by: By = None, as_json: AsJson = False) -> None:
    """Delete dead letters with their contents. Exits with 3 if one is unknown."""
    from harkara.ledger.dead_letters import delete_dead_letters, get_dead_letters
    from harkara.ledger.users.acts import record_done

    chosen = _chosen(ids, every)
    with ledger() as db:
        number = delete_dead_letters(db, [each.id for each in get_dead_letters(db, chosen)])
        if number:
            record_done(db, actor(by), "dead-letters.deleted", number=number)
    if as_json:
        emit({"deleted": number})
    else:
        print_line(f"Deleted: {number}")


def _chosen(ids: Sequence[int] | None, every: bool) -> Sequence[int] | None:
    if bool(ids) == every:
        raise typer.BadParameter("give ids, or --all for all dead letters", param_hint="ID... / --all")
    return None if every else ids


def _ignore() -> None:
    """The command counts nothing."""
