"""The HTTP API as a process: `python -m workers.web`."""

from __future__ import annotations

import sys
from dataclasses import replace
from threading import Event

import structlog
import uvicorn
from fastapi import FastAPI

from harkara.console import mount
from harkara.delivery.periodic_thread import PeriodicThread, every
from harkara.errors import Unavailable
from harkara.gateway import create_app
from harkara.gateway.addresses import behind_proxies
from harkara.gateway.request_timeout import timed_protocol
from harkara.ledger.driver_errors import NoConnectionLeft
from workers.exit_status import ends_if_misconfigured
from workers.garbage import collect_less_often

with ends_if_misconfigured():  # the Celery app reads settings when it is imported
    from config import logs
    from config.callback_endpoint import endpoint
    from config.error_reports import close_reports
    from config.periodic_work import worker_seconds
    from config.settings import settings
    from config.wiring import http_api, shared
    from config.wiring.console import console
    from config.wiring.reload import answer_request, reload_files
    from config.wiring.tracing import close_spans

log = structlog.get_logger(__name__)

STOP_SECONDS = 30
"""Time that a request has left after SIGTERM; while the database answers, no request takes as long."""


def main() -> None:
    """Serve until SIGTERM, then answer the requests that have come.

    Exits with 78 for a setting that is wrong, and for a Redis of another ledger.
    """
    with ends_if_misconfigured():
        logs.set_up()
        _check_schema()
        shared.check_eviction()
        shared.check_pairing()
        shared.check_connections()
        endpoint(settings())  # a change that this process records could never be called back
        dependencies = http_api.dependencies()
    app = create_app(dependencies)
    if settings().console:
        mount(app, console())
    server = _server(app)
    unpaired = Event()

    def end() -> None:
        unpaired.set()
        server.should_exit = True

    def use_files() -> None:
        app.state.dependencies = replace(dependencies, plan=shared.reminder_plan())

    def reload() -> None:
        answer_request(lambda: reload_files("web", use_files))

    def pairing() -> None:
        shared.end_unless_paired(end)

    watch = every(worker_seconds("schema"), shared.schema_watch(end))
    thread = PeriodicThread(pairing, reload, watch)
    thread.start()
    collect_less_often()
    try:
        server.run()
    finally:
        thread.close()
        shared.end_pairing()
        dependencies.backend.close()
        close_spans()
        close_reports()
    if unpaired.is_set():
        sys.exit(1)


def _server(app: FastAPI) -> uvicorn.Server:
    config = uvicorn.Config(
        behind_proxies(app, settings().trusted_proxies),
        host=settings().web_address,
        port=settings().port,
        http=timed_protocol(settings().request_timeout.total_seconds()),
        proxy_headers=False,  # uvicorn's own would hide the peer
        log_config=None,
        access_log=False,  # it writes whole addresses, with references; RequestMiddleware writes routes
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    return uvicorn.Server(config)


def _check_schema() -> None:
    """Check the schema if the database answers. Without it the process still stores webhooks, in Redis."""
    try:
        shared.check_schema()
    except NoConnectionLeft:
        raise
    except Unavailable as error:
        log.warning("database unavailable at start", action="no_database", error=str(error))


if __name__ == "__main__":
    main()
