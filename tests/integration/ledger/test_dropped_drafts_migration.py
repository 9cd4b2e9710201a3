"""The migration of the dropped drafts: those that were overtaken get a decision, and the one that waits stays."""

from __future__ import annotations

from harkara.ledger import migrate
from harkara.ledger.database import Database
from tests.integration.ledger.turns import DRAFTS, answer, turns_of, wrote


def decisions(db: Database) -> list[tuple[str, str | None]]:
    return [(each["outcome"], each["decision"]) for each in turns_of(db)]


def test_drafts_survive_the_migration_of_the_dropped_ones(own_db: Database) -> None:
    for words in ("When do you open?", "On Sunday?"):
        wrote(own_db, words, rules=DRAFTS)
        answer(own_db, rules=DRAFTS)
    marked = [("superseded", "dropped"), ("draft", None)]
    assert decisions(own_db) == marked
    migrate.downgrade(own_db, "0029")
    assert decisions(own_db) == [("draft", None), ("draft", None)]
    migrate.upgrade(own_db)
    assert decisions(own_db) == marked
