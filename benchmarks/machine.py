"""The machine that the figures come from, and whether it was idle enough to measure."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("celery", "kombu", "redis", "requests", "SQLAlchemy", "sqlmodel", "psycopg", "taskiq", "dramatiq")
QUIET = 0.5
"""The highest load average for each core at which absolute figures count."""


def machine(load: float, database: str, redis: str) -> dict[str, Any]:
    """Return facts by name; `load` is the average of the last minute."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        "database": database,
        "redis": redis,
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "load": round(load, 2),
    }


def warning(facts: dict[str, Any]) -> str | None:
    """Return a warning when the machine was busy with other programs."""
    if facts["load"] <= QUIET * facts["cores"]:
        return None
    return (
        f"The load average was {facts['load']:g} on {facts['cores']} cores at the start: "
        "these figures compare the contestants, but are no absolute measurement. Run again on an idle machine."
    )


def describe(facts: dict[str, Any]) -> str:
    libraries = ", ".join(f"{name} {found}" for name, found in facts["libraries"].items())
    return (
        f"{facts['cpu']}, {facts['cores']} cores, load {facts['load']:g} at the start; Python {facts['python']}; "
        f"{facts['database']}; {facts['redis']}; {libraries}"
    )


def _cpu() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
