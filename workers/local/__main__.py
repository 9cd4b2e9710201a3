"""`python -m workers.local`: every process on one machine, with embedded parts for services that are not configured."""

from __future__ import annotations

import json
import sys

import honcho.manager

from harkara.ledger import migrate
from workers.embedded_valkey import EmbeddedValkey
from workers.exit_status import ends_if_misconfigured
from workers.local.folder_lock import FolderLock, needs_folder
from workers.local.private_files import write_private
from workers.local.single_timestamp import SingleTimestamp
from workers.restarts import RestartingManager

with ends_if_misconfigured():  # `.env` is read when its module is imported
    from config.environment import LOCAL, ROOT, VAR
    from config.settings import settings
    from workers.local.console_link import console_place
    from workers.local.destination import require_destination
    from workers.local.parts import Parts
    from workers.local.ready import ReadyNotice
    from workers.migrate import migrate_to

STOP_SECONDS = 45
"""Longer than the longest POST, which a worker finishes and records before it ends."""


def main() -> None:
    """Start the embedded Valkey, then the processes of the Procfile; stop them in the opposite order.

    A process that ends meanwhile starts again, unless its status says that a setting is wrong: then all end.
    """
    with needs_folder(VAR):
        lock = FolderLock.acquire(VAR)
        LOCAL.unlink(missing_ok=True)  # a run that was killed may have left it, and it would count as settings
        with ends_if_misconfigured():
            require_destination(VAR, sandbox=settings().chatmitra_api_token is None)
    valkey = None
    if not settings().redis_url:
        valkey = EmbeddedValkey(VAR / "valkey", 6379, report=lambda text: print(text, flush=True))
    try:
        with needs_folder(VAR):
            if valkey:
                valkey.start()
            manager = _prepare(lock, valkey)
        manager.loop()
        # Ctrl-C and SIGTERM are the normal end; any other status is that of a process that failed.
        sys.exit(0 if manager.returncode in (130, 143) else int(manager.returncode or 0))
    finally:
        LOCAL.unlink(missing_ok=True)
        if valkey:
            valkey.stop()
        lock.release()


def _prepare(lock: FolderLock, valkey: EmbeddedValkey | None) -> RestartingManager:
    """Migrate the embedded database, and return what starts the processes."""
    if not settings().database_url:
        migrate_to(migrate.head())
    with ends_if_misconfigured():
        parts = Parts.choose(valkey.url if valkey else None)
    lock.note(parts.places["Web"])
    if place := console_place(parts.places["Web"]):
        parts.places["Console"] = place
    honcho.manager.KILL_WAIT = STOP_SECONDS
    notice = ReadyNotice(parts.places)
    manager = RestartingManager(SingleTimestamp(sys.stdout), started=notice.start)
    for name, command in parts.commands().items():
        manager.add_process(name, command, env=parts.environment(name), cwd=str(ROOT))
    for name, place in parts.places.items():
        print(f"{name:10} {place}", flush=True)
    write_private(LOCAL, "".join(f"{name}={value}\n" for name, value in parts.own.items()))
    write_private(VAR / "places.json", json.dumps(parts.places))
    return manager


if __name__ == "__main__":
    main()
