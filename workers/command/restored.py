"""`harkara restored`: the step after the ledger was restored from a backup."""

from __future__ import annotations

from workers.command.deployment import configured, ledger
from workers.command.options import AsJson, By, me
from workers.command.output import emit, note, print_line


def restored(by: By = None, as_json: AsJson = False) -> None:
    """After a backup of the ledger was restored: park all lanes, and mark what may have been sent since as uncertain.

    Stop the workers first. Messages that are due later stay as they are.
    """
    from config.wiring.background import last_posts
    from harkara.ledger.messages.queries import count_by_state
    from harkara.ledger.restore import settle_restored

    with ledger() as db:
        lanes = sorted(configured() | count_by_state(db))
        marked = settle_restored(db, lanes, by or me())
    last_posts().forget()
    if as_json:
        emit({"lanes": lanes, "uncertain": marked})
    else:
        print_line(f"parked: {', '.join(lanes) or 'no lane'}  uncertain: {marked}")
        note("Next: `harkara list --state uncertain --code restored`, then `harkara lanes unpark` for each lane.")
