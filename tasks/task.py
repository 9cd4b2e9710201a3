"""The base class of the tasks."""

from __future__ import annotations

from typing import Any

import celery
from celery.exceptions import Reject

from config.wiring.shared import pairing
from harkara.errors import Unavailable

REJECT_SECONDS = 1.0
"""How long a task that may not run waits before it returns to the queue, where it is next at once."""


class Task(celery.Task[..., Any]):
    """A task that does not expire, and runs only while Redis and the ledger belong together.

    Otherwise it returns to the queue if its acknowledgement is late; Harkara's own tasks need not come back.
    """

    Request = "tasks.timeless_request:TimelessRequest"

    def __call__(self, *args: Any, **options: Any) -> Any:
        try:
            pairing().require()
        except Unavailable as error:
            # No task of this process may run meanwhile, so the wait keeps no other from its thread.
            pairing().wait(REJECT_SECONDS)
            raise Reject(str(error), requeue=True) from error
        return self.run(*args, **options)
