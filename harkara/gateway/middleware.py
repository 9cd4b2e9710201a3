"""Count and log every request, and keep the content of an exception out of the server's log."""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harkara.gateway.errors import error_response

log = structlog.get_logger(__name__)

_PROBES = ("GET /livez", "GET /readyz", "GET /metrics")
"""Requested every few seconds, so their lines have level debug."""

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class RequestMiddleware:
    """The outermost middleware, so that no exception that quotes a message reaches the server's log."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "harkara_web_requests", "Requests to the HTTP API", ("route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "harkara_web_seconds", "From a request to its response", ("route",), registry=registry, buckets=_BUCKETS
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, send_and_note_status)
        except Exception as error:
            log.error("request failed", action="request_broke", route=_route_of(scope), error=_place_of(error))
            if not status:
                response = error_response(500, "internal error; the log of the HTTP API says where")
                await response(scope, receive, send_and_note_status)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route_of(scope)
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        caller = scope.get("state", {}).get("caller")
        write = log.debug if route in _PROBES else log.info
        write(
            "request answered", action="request", route=route, status=status, ms=round(seconds * 1000, 1), caller=caller
        )


def _route_of(scope: Scope) -> str:
    """Return the pattern of the route. The path itself may hold a reference or a phone number."""
    route: Any = scope.get("route")
    known = route is not None and scope["method"] in (getattr(route, "methods", None) or ())
    # The format is the pattern without the types of its parameters.
    return f"{scope['method']} {scope.get('root_path', '')}{route.path_format}" if known else "other"


def _place_of(error: Exception) -> str:
    """Return the type and the place of the exception. Its text may quote a message."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return f"{type(error).__name__} at {' < '.join(f'{Path(f.filename).name}:{f.lineno}' for f in reversed(frames))}"
