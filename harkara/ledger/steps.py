"""Steps of periodic work on the ledger, each in a transaction of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import structlog

from harkara.errors import stops_all
from harkara.ledger.database import Database
from harkara.ledger.transaction import Transaction

log = structlog.get_logger(__name__)

Step = Callable[[Transaction], int]
"""Returns how many rows it changed."""


def run_steps(db: Database, *steps: tuple[str, Step]) -> Counter[str]:
    """Run the steps in their order; return how many rows each one changed, by its name.

    A step that fails stops no other; its error is raised after the last one, and at once if no step could succeed.
    """
    changed: Counter[str] = Counter()
    failed: Exception | None = None
    for name, step in steps:
        try:
            with db.write() as tx:
                changed[name] = step(tx)
        except Exception as error:
            if stops_all(error):
                raise
            log.error("sweep step failed", action="sweep_failed", step=name, error=type(error).__name__)
            failed = error
    if failed:
        raise failed
    return +changed
