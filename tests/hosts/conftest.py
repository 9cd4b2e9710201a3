"""The hosts of the tests, and the table of their results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.hosts import HostsUnavailable, NetworkHost, hosts
from tests.hosts.faults import FAULTS
from tests.hosts.servers import API, WORKERS
from tests.hosts.table import Table

SECONDS = 240
"""The limit of a test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.hosts)
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture
def network() -> Iterator[dict[str, NetworkHost]]:
    """Hosts for two workers, the HTTP API, and each server with its successor. Without namespaces, skip."""
    try:
        with hosts(*WORKERS, API, "postgres", "standby", "valkey", "replica") as created:
            yield created
    except HostsUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def table() -> Iterator[Table]:
    """The results of this run, which replace those of the documentation."""
    collected = Table()
    yield collected
    collected.write([fault.name for fault in FAULTS])
