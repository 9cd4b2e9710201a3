"""The page `/docs`: the OpenAPI description in Swagger UI, served without a CDN."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

_STATIC = Path(__file__).parent / "static"

_HEADERS = {
    # Swagger UI sets inline styles, and its own style sheet has images as data URLs.
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    "X-Content-Type-Options": "nosniff",
}


def add_page(app: FastAPI) -> None:
    app.mount("/docs/static", StaticFiles(directory=_STATIC))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(_STATIC / "docs.html", headers=_HEADERS)
