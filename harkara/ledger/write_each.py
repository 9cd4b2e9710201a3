"""Write a batch together, or one by one, so that one item that cannot be written costs the others nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from harkara.errors import stops_all

T = TypeVar("T")


def write_each(
    items: Sequence[T], write: Callable[[Sequence[T]], object], failed: Callable[[T, Exception], object]
) -> list[T]:
    """Write the items together, and after an unexpected error one by one, in their order; return the written ones.

    `failed` gets each item that cannot be written even alone, with its error. An error of the service, which stops all
    items, is raised at once (see `stops_all`).
    """
    try:
        write(items)
        return list(items)
    except Exception as error:
        if stops_all(error):
            raise
        if len(items) == 1:
            failed(items[0], error)
            return []
    return [done for item in items for done in write_each([item], write, failed)]
