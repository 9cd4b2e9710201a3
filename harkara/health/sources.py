"""What the pages about health read besides the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import redis


class Setting(NamedTuple):
    """A setting of the deployment as people may see it: without secrets. `given` is False for the default."""

    name: str
    value: str
    about: str
    given: bool


def _nothing() -> Sequence[Setting]:
    return ()


@dataclass(frozen=True, slots=True)
class Sources:
    """Redis, and the settings of this process.

    `redis` connects, None where the console has no Redis. `queues` returns the number of entries in each queue and
    raises Unavailable. `silence_seconds` is the longest time without a webhook after an accepted message.
    `history_days` is when a message is deleted, None for never.
    """

    redis: Callable[[], redis.Redis] | None = None
    queues: Callable[[], Mapping[str, int]] = dict
    settings: Callable[[], Sequence[Setting]] = _nothing
    silence_seconds: float = 900.0
    history_days: float | None = None
    callbacks: bool = False
