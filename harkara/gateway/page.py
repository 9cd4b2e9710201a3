"""The API's description as a page, from this process alone: browsers are sent nowhere else."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

_STATIC = Path(__file__).parent / "static"

_CLOSED = {
    # Swagger UI styles itself, and draws from data in its own style sheet.
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    "X-Content-Type-Options": "nosniff",
}


def add_page(app: FastAPI) -> None:
    app.mount("/docs/static", StaticFiles(directory=_STATIC))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(_STATIC / "docs.html", headers=_CLOSED)
