"""`harkara restored`: the step after the ledger was restored from a backup."""

from __future__ import annotations

from harkara.errors import Unavailable
from workers.command.deployment import configured, ledger
from workers.command.options import AsJson, By, actor, me
from workers.command.output import emit, note, print_line


def restored(by: By = None, as_json: AsJson = False) -> None:
    """After a backup of the ledger was restored: park all lanes, and mark what may have been sent since as uncertain.

    Stop the workers first. Messages that are due later stay as they are.
    """
    from harkara.ledger.messages.queries import count_by_state
    from harkara.ledger.restore import settle_restored
    from harkara.ledger.users.acts import record_done

    with ledger() as db:
        lanes = sorted(configured() | count_by_state(db))
        marked = settle_restored(db, lanes, by or me())
        record_done(db, actor(by), "ledger.restored", ", ".join(lanes), number=marked)
    _forget_last_posts()
    if as_json:
        emit({"lanes": lanes, "uncertain": marked})
    else:
        print_line(f"parked: {', '.join(lanes) or 'no lane'}  uncertain: {marked}")
        note("Next: `harkara list --state uncertain --code restored`, then `harkara lanes unpark` for each lane.")


def _forget_last_posts() -> None:
    """Let the ledger count as complete again. Raises Unavailable when Redis does not run; the rest is done then."""
    from config.settings import settings

    if settings().redis_url is None:
        raise Unavailable(
            "the lanes are parked and the messages are marked, but Redis does not run: start `make up`, and run this "
            "command once more"
        )
    from config.wiring.background import last_posts

    last_posts().forget()
