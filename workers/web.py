"""The web door as a process: `python -m workers.web`."""

from __future__ import annotations

import sys

import structlog
import uvicorn

from config import logs
from config.settings import settings
from config.wiring import http_api, shared
from harkara.errors import HarkaraError, Unavailable
from harkara.gateway import create_app

log = structlog.get_logger(__name__)

STOP_SECONDS = 30
"""What a request that is being answered has left after SIGTERM; none takes as long while the database answers."""


def main() -> None:
    """Ends with 1 and a sentence when a setting makes no sense; after SIGTERM, when all that came in is answered."""
    logs.set_up()
    try:
        _check_schema()
        dependencies = http_api.dependencies()
    except HarkaraError as error:
        sys.exit(str(error))
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(dependencies),
            host=settings().web_address,
            port=settings().port,
            log_config=None,
            access_log=False,  # it writes whole addresses, with references; RequestMiddleware writes routes
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )
    try:
        server.run()
    finally:
        dependencies.backend.close()


def _check_schema() -> None:
    """While the database is away webhooks are still heard, so this process starts, and /readyz says what is missing."""
    try:
        shared.check_schema()
    except Unavailable as error:
        log.warning("starting without the database", action="no_database", error=str(error))


if __name__ == "__main__":
    main()
