"""`harkara history`: what the deletion of old messages deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workers.command.deployment import ledger
from workers.command.options import AsJson, By, actor
from workers.command.output import emit, note, print_line, status_line

if TYPE_CHECKING:
    from collections import Counter
    from datetime import datetime

    from harkara.ledger.database import Database
    from harkara.ledger.history import OldMessages

Days = Annotated[
    float | None,
    typer.Option(min=0, max=36_500, help="Days since the last change of a message; HARKARA_HISTORY_DAYS by default."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Delete; without it, only what would be deleted is counted.")]


def history(days: Days = None, yes: Yes = False, by: By = None, as_json: AsJson = False) -> None:
    """Count the messages that are older than the history, or delete them for good now instead of in the next rounds.

    Workers delete them every hour once HARKARA_HISTORY_DAYS is set. Charges, occasions and the sums of campaigns stay.
    """
    from harkara.ledger.history import oldest_message

    chosen = _days(days)
    with ledger() as db:
        if yes:
            _report_deleted(_delete(db, chosen, by), as_json)
        else:
            _report_plan(_find(db, chosen), chosen, oldest_message(db), as_json)


def _days(given: float | None) -> float:
    """Return the days of the history. Raises typer.BadParameter for fewer than those of the retention."""
    from config.settings import settings

    days, retention = settings().history_days if given is None else given, settings().retention_days or 0.0
    if days is None:
        raise typer.BadParameter("HARKARA_HISTORY_DAYS is empty, so rows are kept for ever: give --days to count them")
    if days < retention:
        raise typer.BadParameter(f"{days:g} is less than HARKARA_RETENTION_DAYS ({retention:g}): give as many or more")
    return days


def _find(db: Database, days: float) -> OldMessages:
    from harkara.ledger.history import find_history

    with status_line() as show:
        return find_history(db, 86_400 * days, lambda read: show(f"{read:,} messages read"))


def _delete(db: Database, days: float, by: str | None) -> Counter[str]:
    from collections import Counter

    from harkara.delivery.history import paced
    from harkara.ledger.history import delete_history
    from harkara.ledger.users.acts import record_done

    deleted: Counter[str] = Counter()
    with status_line() as show:
        try:
            for batch in paced(delete_history(db, 86_400 * days)):
                deleted += batch
                show(f"{deleted['message']:,} messages deleted")
        finally:
            if deleted:
                record_done(db, actor(by), "history.deleted", f"{days:g} days", number=deleted["message"])
    return deleted


def _report_plan(found: OldMessages, days: float, oldest: datetime | None, as_json: bool) -> None:
    if as_json:
        oldest_at = oldest.isoformat() if oldest else None
        emit({"deleted": False, "days": days, "oldest": oldest_at, "rows": found.deletable, "kept": found.kept})
        return
    if oldest:
        from workers.command.local_time import LocalTime

        print_line(f"Oldest message: {LocalTime().show(oldest)}")
    print_line(f"Older than {days:g} days, to be deleted: {_rows(found.deletable)}")
    print_line(f"Older, but not done or still needed: {found.kept:,} messages, which stay")
    note("Nothing was deleted. Add --yes to delete them; this cannot be undone.")


def _report_deleted(deleted: Counter[str], as_json: bool) -> None:
    if as_json:
        emit({"deleted": True, "rows": deleted})
    else:
        print_line(f"Deleted: {_rows(deleted)}")


def _rows(numbers: Counter[str]) -> str:
    return ", ".join(f"{table} {number:,}" for table, number in sorted(numbers.items())) or "none"
