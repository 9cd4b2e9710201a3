"""The migration that adds charges and budgets: the ledger goes on in both directions."""

from __future__ import annotations

from sqlalchemy import func, select, text

from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.charges.budgets import check_budgets, set_budget
from harkara.ledger.charges.spend_sums import add_to_sums
from harkara.ledger.database import Database
from harkara.ledger.tables import halt
from harkara.money.budgets import Budget
from tests.integration.ledger.money import MARKETING, amounts, delivered, spend
from tests.integration.ledger.steps import marketing


def test_messages_survive_the_migration_of_charges_in_both_directions(own_db: Database) -> None:
    identity = delivered(own_db, marketing())
    before = stored(own_db, identity)
    set_budget(own_db, Budget("default", "day", "", MARKETING, "INR"))
    check_budgets(own_db, {})
    assert halts(own_db) == 1
    migrate.downgrade(own_db, "0017")
    after = stored(own_db, identity)
    assert after == {name: before[name] for name in after}
    assert halts(own_db) == 0, "the earlier release could not lift it"
    migrate.upgrade(own_db)
    assert amounts(own_db) == []
    delivered(own_db, marketing(1), "job-1")
    assert amounts(own_db) == [MARKETING]
    assert audit(own_db).clean


def test_the_charges_of_the_release_before_are_summed_after_the_migration(own_db: Database) -> None:
    delivered(own_db, marketing())
    migrate.downgrade(own_db, "0023")
    migrate.upgrade(own_db)
    assert sum(one.amount for one in spend(own_db).values()) == MARKETING
    delivered(own_db, marketing(1), "job-1")
    assert sum(one.amount for one in spend(own_db).values()) == 2 * MARKETING
    assert add_to_sums(own_db) >= 2
    assert sum(one.amount for one in spend(own_db).values()) == 2 * MARKETING
    assert audit(own_db).clean


def stored(db: Database, identity: str) -> dict[str, object]:
    """Return a message with the columns of the present schema, whichever release it is of."""
    with db.read() as tx:
        found = tx.execute(text("SELECT * FROM message WHERE id = :id"), {"id": identity})
        return dict(found.mappings().one())


def halts(db: Database) -> int:
    with db.read() as tx:
        return int(tx.execute(select(func.count()).select_from(halt)).scalar_one())
