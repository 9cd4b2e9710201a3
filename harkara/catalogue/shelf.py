"""The shelf: where workers lay the deployment's catalogue in Redis, and producers look it up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, cast

from harkara.catalogue.catalogue import Catalogue
from harkara.errors import NotFound, Unavailable
from harkara.intake import translated

if TYPE_CHECKING:
    import redis

KEY: Final = "harkara:catalogue"

LAY_SECONDS: Final = 60.0
"""How often every worker lays it down anew, so that a Redis that lost its memory has it again."""

FRESH_SECONDS: Final = 60.0
"""How long a producer uses its copy before it looks again."""


class Shelf:
    """Both ends; it holds names and rules, and nothing that is secret."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        self._copy: Catalogue | None = None
        self._stale_at = 0.0

    def lay(self, catalogue: Catalogue) -> None:
        """Raises Unavailable."""
        with translated():
            self._redis.set(KEY, catalogue.to_json())

    def look(self) -> Catalogue:
        """The catalogue, or a copy that may be older while Redis is away. Raises NotFound and Unavailable."""
        if self._copy is None or time.monotonic() >= self._stale_at:
            try:
                self._copy = self._read()
            except Unavailable:
                if self._copy is None:
                    raise
            self._stale_at = time.monotonic() + FRESH_SECONDS
        return self._copy

    def close(self) -> None:
        self._redis.close()

    def _read(self) -> Catalogue:
        with translated():
            text = cast("str | None", self._redis.get(KEY))
        if text is None:
            raise NotFound("no worker has laid a catalogue of templates into this Redis: start one, or pass catalogue=")
        return Catalogue.from_json(text)
