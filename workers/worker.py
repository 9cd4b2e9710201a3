"""A worker as a process: `python -m workers.worker`, which is `celery -A workers.sender worker` with less memory.

The `celery` command imports all its subcommands and those of its extensions, such as Flower: 10 MB of each worker.
"""

from __future__ import annotations

import ctypes
import sys
import warnings
from argparse import ArgumentParser
from contextlib import suppress

from workers.hidden import hidden

UNUSED = {
    "rich": "structlog imports it for tracebacks that `config.logs` does not use: 6 MB",
    "charset_normalizer": "requests imports it to guess encodings; the answers of Chat Mitra are UTF-8: 3 MB",
    "yaml": "kombu imports it to read tasks in YAML, which the worker does not accept: 1 MB",
    "opentelemetry": "redis-py imports its SDK for metrics that are not recorded; the traces import it later: 3 MB",
}
"""Optional libraries that are installed for other programs."""

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""


def main() -> None:
    """Consume until SIGTERM, then finish and record what was begun. Exits with 78 for a wrong setting."""
    parser = ArgumentParser(prog="python -m workers.worker", description="Send messages until SIGTERM.")
    parser.add_argument("-n", "--hostname", metavar="NAME", help="name of the worker, such as worker-1@%%h (the host)")
    hostname = parser.parse_args().hostname
    sys.argv[:1] = ["-m", "workers.worker"]  # Celery starts Python with them again on SIGHUP
    _share_arenas()
    warnings.filterwarnings("ignore", "Unable to find acceptable character detection dependency")
    with hidden(UNUSED):
        from celery.utils.nodenames import default_nodename, host_format

        from workers.sender import app
    # Without Celery's banner, which is no log.
    worker = app.Worker(hostname=host_format(default_nodename(hostname)), quiet=True)
    worker.start()
    sys.exit(worker.exitcode)


def _share_arenas() -> None:
    """Let all threads allocate from two arenas instead of 16: each keeps what its threads have freed."""
    with suppress(OSError, AttributeError):  # another libc
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


if __name__ == "__main__":
    main()
