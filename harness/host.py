"""Where a test starts processes: on this machine, or on a host of its own network namespace."""

from __future__ import annotations

import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Host:
    """An address, and the network namespace in which its processes run; without one they run in that of the test."""

    address: str
    namespace: str | None = None

    def start(self, command: Sequence[str], *, user: str | None = None, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command here, as `user` if one is given; `options` are those of subprocess.Popen."""
        if self.namespace is None:
            return subprocess.Popen(command, user=user, **options)
        # Only root may enter a namespace, so the user changes after that.
        account = pwd.getpwnam(user) if user else None
        change = (f"--setgid={account.pw_gid}", f"--setuid={account.pw_uid}") if account else ()
        return subprocess.Popen(["nsenter", f"--net=/run/netns/{self.namespace}", *change, "--", *command], **options)


LOOPBACK = Host("127.0.0.1")
