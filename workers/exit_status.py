"""Exit statuses of the processes, by which a supervisor decides whether to start one again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from harkara.errors import HarkaraError, Invalid, OtherDeployment, Unavailable

WRONG_SETTING = os.EX_CONFIG
"""78 of sysexits.h: the process cannot start until an operator has changed something, so a restart is of no use."""


def end_misconfigured(sentence: str) -> NoReturn:
    """Print the sentence and end the process with WRONG_SETTING. Raises SystemExit."""
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(WRONG_SETTING)


@contextmanager
def ends_if_misconfigured() -> Iterator[None]:
    """End the process, with a sentence, if what it needs for its start raises an error.

    The status is WRONG_SETTING for settings and files that are wrong, for a database with another schema or encoding or
    without the privileges, and for a Redis of another ledger. Otherwise it is 1: a service that does not answer comes
    back. Raises SystemExit.
    """
    try:
        yield
    except SystemExit as error:  # the packages beneath have found a wrong setting
        if isinstance(error.code, str):
            end_misconfigured(error.code)
        raise
    except HarkaraError as error:
        if _lasts(error):
            end_misconfigured(str(error))
        sys.exit(str(error))


def _lasts(error: HarkaraError) -> bool:
    """Return whether every start meets the error until an operator has changed something."""
    if isinstance(error, Unavailable):
        return isinstance(error, OtherDeployment)
    return isinstance(error, Invalid) or error.stops_all
