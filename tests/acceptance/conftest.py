"""The time limit and the databases of all acceptance tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.ledger import copied_ledger, migrated

SECONDS = 300
"""The processes take long on a busy host."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty ledger, once on each kind of database."""
    if request.param == "sqlite":
        return migrated(f"sqlite:///{tmp_path / 'harkara.db'}")
    return copied_ledger(request.getfixturevalue("postgres_server"))
