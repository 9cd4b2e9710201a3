"""The stand-in for Chat Mitra as a process: `python -m workers.sandbox`."""

from __future__ import annotations

import asyncio
import sys

from pydantic import ValidationError

from sandbox.server import Server
from sandbox.settings import settings_from_environment


def main() -> None:
    """Ends with 2 when the environment is not understood, with 1 when the port is taken."""
    try:
        settings, switches = settings_from_environment()
    except ValidationError as problems:
        sys.stderr.write(f"sandbox: the environment is not understood\n{problems}\n")
        raise SystemExit(2) from None
    try:
        asyncio.run(Server(settings, switches).run())
    except OSError as problem:
        sys.stderr.write(f"sandbox: cannot listen on port {settings.port}: {problem.strerror}; set SANDBOX_PORT\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
