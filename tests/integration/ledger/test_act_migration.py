"""The migration that lets callers of the HTTP API act: the log survives it, and only grows."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from harkara.errors import HarkaraError
from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.ledger.tables import act
from harkara.ledger.users.acts import Actor, list_acts, record_act


def test_the_log_of_acts_survives_the_migration_of_its_sources(own_db: Database) -> None:
    for name, source in (("Asha", "console"), ("Ravi", "command"), ("shop", "api")):
        with own_db.write() as tx:
            record_act(tx, Actor(name, source), "messages.cancelled", number=3)  # type: ignore[arg-type]
    before = list_acts(own_db)
    migrate.downgrade(own_db, "0020")
    assert [(each.id, each.source) for each in list_acts(own_db)] == [(3, "command"), (2, "command"), (1, "console")]
    with pytest.raises((DBAPIError, HarkaraError)), own_db.write() as tx:
        record_act(tx, Actor("shop", "api"), "messages.cancelled")
    migrate.upgrade(own_db)
    assert [(each.name, each.number, each.at) for each in list_acts(own_db)] == [
        (each.name, each.number, each.at) for each in before
    ]
    for change in (update(act).values(name="x"), delete(act)):
        with pytest.raises((DBAPIError, HarkaraError)), own_db.write() as tx:
            tx.execute(change)
