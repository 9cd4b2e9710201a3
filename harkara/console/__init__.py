"""The console: the pages on which people see what happens, and decide about it."""

from __future__ import annotations

from harkara.server_extra import require_server

require_server(__name__)

from harkara.console.app import mount  # noqa: E402
from harkara.console.parts import Console, ProxyUser  # noqa: E402

__all__ = ["Console", "ProxyUser", "mount"]
