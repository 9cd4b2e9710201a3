"""Fixtures of the limiter tests: a Valkey without data, and a limiter on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from harkara.limits.limiter import Limiter
from harness.valkey import ValkeyServer
from tests.integration.limits.booking import connect, no_seed


@pytest.fixture
def connection(valkey_server: ValkeyServer) -> Iterator[redis.Redis]:
    with connect(valkey_server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def limiter(connection: redis.Redis) -> Limiter:
    return Limiter(connection, no_seed)
