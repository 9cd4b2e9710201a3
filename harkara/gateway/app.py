"""Puts the web door together: the routes, what they all have in common, and its own description."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from harkara.gateway import campaigns, health, messages, occasions, webhooks
from harkara.gateway.dependencies import Behind
from harkara.gateway.middleware import Watch
from harkara.gateway.page import add_page
from harkara.gateway.problems import speak_plainly

_ABOUT = (
    "Takes what Chat Mitra's API takes, at the same path and with the same answers. An answer of 202 means that the"
    " message is in the ledger. Numbers and texts never come back."
)


class _Door(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """FastAPI speaks of a 422 for every parameter; here a broken rule is a 400."""
        if self.openapi_schema is None:
            found = super().openapi()
            for path in found["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
            for unused in ("HTTPValidationError", "ValidationError"):
                found["components"]["schemas"].pop(unused, None)
        return super().openapi()


def gateway(behind: Behind) -> FastAPI:
    """The ASGI app. Whoever serves it closes what is behind it."""
    app = _Door(title="Harkara", version="1", description=_ABOUT, docs_url=None, redoc_url=None)
    app.state.behind = behind
    app.add_middleware(Watch, registry=behind.registry)
    speak_plainly(app)
    for part in (messages, occasions, campaigns, webhooks, health):
        app.include_router(part.routes)
    add_page(app)
    return app
