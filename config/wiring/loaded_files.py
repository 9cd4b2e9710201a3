"""The files of `config/` in this process, and the parts that are built from them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, wraps
from typing import TypeVar

from config.files import ConfigFiles, LoadedFiles
from config.settings import settings

T = TypeVar("T")


@cache
def loaded_files() -> LoadedFiles:
    """Return the files, read at the first call. Raises SystemExit, which names the file, the entry and the problem."""
    return LoadedFiles(lambda: ConfigFiles.load(settings()))


def config_files() -> ConfigFiles:
    """Return what the files said when they were read last."""
    return loaded_files().current


def of_files(build: Callable[[ConfigFiles], T]) -> Callable[[], T]:
    """Return a function that returns the part of the current files, and builds it once for each load of them.

    A part never changes: work that has begun ends by the files that it began with.
    """
    built = lru_cache(maxsize=1)(build)

    @wraps(build)
    def part() -> T:
        return built(config_files())

    return part
