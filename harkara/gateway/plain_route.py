"""Routes that take the request as it is.

Nearly all requests are messages and webhooks. To resolve their headers and dependencies, FastAPI would need more CPU
than a message costs from its validation to its commit.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class PlainRoute(APIRoute):
    """A route that is called with the request alone; FastAPI only describes it."""

    def get_route_handler(self) -> Endpoint:
        return self.endpoint


def add_plain_route(app: FastAPI, path: str, endpoint: Endpoint, **description: Any) -> None:
    """Add the route to the app itself, since each router between takes time from every request."""
    app.router.add_api_route(path, endpoint, methods=["POST"], route_class_override=PlainRoute, **description)


def header_parameter(header: str, description: str) -> dict[str, Any]:
    """Return the OpenAPI description of an optional header."""
    return {"name": header, "in": "header", "required": False, "schema": {"type": "string"}, "description": description}
