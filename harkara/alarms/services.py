"""Measure the goals that the ledger does not show: the memory of Redis and the disk of this host."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import redis

from harkara.goals import Goals, Reading
from harkara.redis_client import redis_errors


def measure_redis(goals: Goals, connection: redis.Redis) -> Iterator[Reading]:
    """Yield the share of its memory that Redis uses. Raises Unavailable."""
    if goals.redis_memory:
        with redis_errors():
            info = cast("dict[str, int]", connection.info("memory"))
        most = info["maxmemory"] or info.get("total_system_memory", 0)
        yield Reading(goals.redis_memory.name, info["used_memory"] / most if most else None)


def measure_disk(goals: Goals, folder: Path, host: str) -> Iterator[Reading]:
    """Yield the share of the folder's disk that is used, as `df` counts it: without what only root may use.

    It yields nothing for a folder that is missing, or that this user may not enter.
    """
    if goals.disk:
        with suppress(OSError):
            disk = shutil.disk_usage(folder)
            yield Reading(goals.disk.name, disk.used / ((disk.used + disk.free) or 1), subject=host[:60])
