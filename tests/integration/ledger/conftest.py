"""A ledger with callbacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harkara.ledger.database import Database
from harness.ledger import reopened


@pytest.fixture
def callback_db(db: Database) -> Iterator[Database]:
    """The database of `db`, as a deployment with a callback URL opens it."""
    url = db.url.render_as_string(hide_password=False)
    with reopened(url, connections=10, callbacks_enabled=True) as database:
        yield database
