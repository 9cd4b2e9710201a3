"""The sandbox, a stand-in for Chat Mitra, as a process: `python -m workers.sandbox`."""

from __future__ import annotations

import asyncio
import sys

from pydantic import ValidationError

from sandbox.server import Server
from sandbox.settings import settings_from_environment


def main() -> None:
    """Exit with 2 for a wrong variable in the environment, and with 1 when the port is in use."""
    try:
        settings, switches = settings_from_environment()
    except ValidationError as error:
        sys.stderr.write(f"sandbox: wrong variables in the environment\n{error}\n")
        raise SystemExit(2) from None
    try:
        asyncio.run(Server(settings, switches).run())
    except OSError as error:
        sys.stderr.write(f"sandbox: cannot listen on port {settings.port}: {error.strerror}; set SANDBOX_PORT\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
