"""The extra `harkara[server]`: whether the libraries of workers and the HTTP API are installed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

_LIBRARIES = ("argon2", "babel", "celery", "fastapi", "jinja2", "requests", "sqlmodel", "structlog", "typer")


def require_server(name: str) -> None:
    """Raise ModuleNotFoundError, with the command to install them, if a library of the extra is missing."""
    if not _complete():
        raise ModuleNotFoundError(f"{name} needs the libraries of the server: pip install 'harkara[server]'")


@cache
def _complete() -> bool:
    return all(find_spec(library) for library in _LIBRARIES)
