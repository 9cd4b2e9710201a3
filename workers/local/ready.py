"""Wait until all processes work together, open the windows of the sandbox's customers, and print what to try."""

from __future__ import annotations

import shlex
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Thread

from config.environment import VAR, located_by
from config.lanes import DEFAULT
from config.ledger import open_database
from config.settings import settings
from harkara.errors import HarkaraError
from harkara.inbound.contact import UNKNOWN_CONTACT
from harkara.ledger.contacts.contacts import load_contacts
from harkara.ledger.database import Database
from harkara.ledger.leases import seconds_since
from workers.sandbox_control import Sandbox

CUSTOMERS = ("919876543210", "919999999999")
"""Customers who write when the sandbox starts: those of this project's examples and of Chat Mitra's documentation.

WhatsApp takes a text only for a person who has written within 24 hours, so an example would fail without it.
"""

LONG_ENOUGH = timedelta(hours=12)
"""A customer whose window is open for longer does not write again."""

WINDOW_SECONDS = 20.0
POLL_SECONDS = 0.2


class ReadyNotice:
    """Prints once what to try, when every part answers; the processes that `places` names may still be starting."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self._started = time.monotonic()

    def start(self) -> None:
        """Wait and print in a thread, which ends with the process."""
        self._started = time.monotonic()
        Thread(target=self._run, name="ready", daemon=True).start()

    def _run(self) -> None:
        db = open_database(settings())
        _wait(lambda: _answers(f"{self._places['Web']}/livez"))
        for work in ("sweep", "heartbeat"):
            _wait(partial(self._is_done, db, work))
        if "Sandbox" in self._places:
            sandbox = Sandbox(self._places["Sandbox"])
            _wait(sandbox.answers)
            _open_windows(db, sandbox)
        db.close()
        print(notice(self._places), flush=True)

    def _is_done(self, db: Database, work: str) -> bool:
        """Whether a worker of this run has done this work: of its own accord, or because beat published it."""
        try:
            since = seconds_since(db, work)
        except HarkaraError:
            return False
        return since is not None and since < time.monotonic() - self._started


def notice(places: Mapping[str, str]) -> str:
    """Return the last lines of the start: each indented one is a command for another terminal."""
    commands, hint = _sandbox_examples(places) if "Sandbox" in places else (["doctor"], "")
    surroundings = [f"{name}={shlex.quote(value)}" for name, value in located_by().items()]
    command = " ".join([*surroundings, shlex.quote(str(Path(sys.executable).parent / "harkara"))])
    lines = [f"  {command} {words}" for words in commands]
    if "Sandbox" in places and "Web token" in places:
        lines.append(f"  {_curl(places)}")
    if "Console" in places:
        lines.append(f"Open {places['Console']} for the console.")
    return "\n".join(["", "Ready. Try:", *lines, f"{hint}Ctrl-C stops everything; the data stays in {VAR}."])


def _sandbox_examples(places: Mapping[str, str]) -> tuple[list[str], str]:
    send = f'send {CUSTOMERS[0]} "Your order is ready." --reference order-1042 --wait 30'
    return [send, "status order-1042"], f"Open {places['Sandbox']} to see the customers' phones. "


def _curl(places: Mapping[str, str]) -> str:
    body = f'{{"recipient_mobile_number": "{CUSTOMERS[1]}", "message": "Hello! Your order #12345 is ready for pickup"}}'
    return (
        f"curl -fsS {places['Web']}/developer/api/send_message -H 'Authorization: Bearer {places['Web token']}' "
        f"-H 'Content-Type: application/json' -d '{body}'"
    )


def _open_windows(db: Database, sandbox: Sandbox) -> None:
    """Let the customers write who have not lately; return when their windows are open, or after `WINDOW_SECONDS`."""
    silent = [customer for customer in CUSTOMERS if not _is_open(db, customer)]
    with suppress(OSError):
        for customer in silent:
            sandbox.customer(customer, "Hello")
    end = time.monotonic() + WINDOW_SECONDS
    _wait(lambda: all(_is_open(db, customer) for customer in silent) or time.monotonic() > end)


def _is_open(db: Database, customer: str) -> bool:
    key = (DEFAULT, customer)
    try:
        with db.read() as tx:
            contact = load_contacts(tx, [key]).get(key, UNKNOWN_CONTACT)
            return contact.window(tx.now, webhooks_enabled=True).seconds_left > LONG_ENOUGH.total_seconds()
    except HarkaraError:
        return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def _wait(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(POLL_SECONDS)
