"""Imports without optional libraries, which they would load and this deployment does not use."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def hidden(libraries: Iterable[str]) -> Iterator[None]:
    """Let every import of these libraries raise ImportError meanwhile, unless they are loaded already."""
    absent = [name for name in libraries if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None stands for a module that does not exist
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
