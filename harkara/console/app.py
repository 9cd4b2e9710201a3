"""Build the console: an app of its own, which a deployment mounts on the HTTP API."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from harkara.console.errors import add_error_pages
from harkara.console.headers import HeadersMiddleware
from harkara.console.navigation import NAVIGATION
from harkara.console.pages import (
    account,
    acts,
    assistant,
    calendar,
    campaigns,
    conversation_modes,
    conversations,
    health,
    home,
    message,
    message_acts,
    messages,
    money,
    new_campaign,
    now,
    occasion_forms,
    people,
    proof,
    second_round,
    sign_in,
    steer_campaign,
    templates,
    try_campaign,
    users,
)
from harkara.console.parts import Console
from harkara.console.static_files import STATIC, CachedFiles
from harkara.fastapi_telemetry import NO_TELEMETRY

PAGES = (
    home,
    sign_in,
    account,
    now,
    messages,
    message_acts,
    message,
    proof,
    conversations,
    conversation_modes,
    assistant,
    new_campaign,
    campaigns,
    try_campaign,
    second_round,
    steer_campaign,
    calendar,
    occasion_forms,
    templates,
    health,
    people,
    money,
    acts,
    users,
)
"""The modules with routes, which are tried in this order.

A page is one of these, a template, and an entry of the navigation.
"""


def mount(app: FastAPI, console: Console, path: str = "/console") -> None:
    """Serve the console at this path of the HTTP API, and redirect `/` to it."""

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse(f"{path}/")

    app.mount(path, _create_app(console))


def _create_app(console: Console) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, telemetry=NO_TELEMETRY)
    app.state.console = console
    app.state.navigation = NAVIGATION
    app.add_middleware(HeadersMiddleware)
    add_error_pages(app)
    for module in PAGES:
        app.include_router(module.router)
    app.mount("/static", CachedFiles(directory=STATIC))
    return app
