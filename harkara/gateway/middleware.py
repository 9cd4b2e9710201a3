"""Sees every request: counts it by route and status, writes a line without what it said, and hides what broke."""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harkara.gateway.problems import problem

log = structlog.get_logger(__name__)

_PROBES = ("GET /livez", "GET /readyz", "GET /metrics")
"""Asked every few seconds, they would drown the rest of the log."""

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Watch:
    """Outermost of the app's own parts, so that no exception with a text in it reaches the server's log."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "harkara_web_requests", "Requests to the web door", ("route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "harkara_web_seconds", "From a request to its answer", ("route",), registry=registry, buckets=_BUCKETS
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 0

        async def listen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, listen)
        except Exception as error:
            log.error("a request broke", action="request_broke", route=route_of(scope), error=place_of(error))
            if not status:
                await problem(500, "something broke here; the log says where")(scope, receive, listen)
        finally:
            self._note(scope, status, time.perf_counter() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = route_of(scope)
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        caller = scope.get("state", {}).get("caller")
        say = log.debug if route in _PROBES else log.info
        say("request", action="request", route=route, status=status, ms=round(seconds * 1000, 1), caller=caller)


def route_of(scope: Scope) -> str:
    """The route's own pattern, of which there are few; the address itself may hold a reference or a number."""
    route: Any = scope.get("route")
    known = route is not None and scope["method"] in (getattr(route, "methods", None) or ())
    return f"{scope['method']} {route.path}" if known else "other"


def place_of(error: Exception) -> str:
    """Kind and place of what broke: its own words may quote a message."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return f"{type(error).__name__} at {' < '.join(f'{Path(f.filename).name}:{f.lineno}' for f in reversed(frames))}"
