"""What VACUUM and ANALYZE alone leave behind on PostgreSQL, and what they skip."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, text

from harkara.ledger.database import Database
from harkara.ledger.storage import clean_storage
from harkara.ledger.tables import contact

NAMES = ("919876543217", "919876543218")

pytestmark = pytest.mark.parametrize("db", ["postgres"], indirect=True)


def add_contacts(db: Database) -> None:
    with db.write() as tx:
        tx.execute(insert(contact), [{"lane": "default", "recipient": name} for name in NAMES])
        tx.execute(text("ANALYZE contact"))


def delete_contacts(db: Database) -> None:
    with db.write() as tx:
        tx.execute(text("DELETE FROM contact"))


def statistics_of(db: Database) -> str:
    with db.read() as tx:
        return str(tx.execute(text("SELECT pg_stats::text FROM pg_stats WHERE tablename = 'contact'")).all())


def test_the_statistics_of_a_table_that_is_empty_now_have_no_value(db: Database) -> None:
    add_contacts(db)
    delete_contacts(db)
    with db.write() as tx:
        tx.execute(text("ANALYZE contact"))
    assert NAMES[0] in statistics_of(db), "ANALYZE keeps them"
    assert clean_storage(db, ["contact"]) is None
    assert NAMES[0] not in statistics_of(db)
    add_contacts(db)
    assert NAMES[0] in statistics_of(db), "later ones are taken as before"


def test_an_open_transaction_that_sees_the_old_rows_is_named(db: Database) -> None:
    add_contacts(db)
    with db.read(snapshot=True) as backup:
        assert backup.execute(text("SELECT recipient FROM contact")).all()
        delete_contacts(db)
        problem = clean_storage(db, ["contact"], patience=0.1)
    assert problem == "harkara has a transaction open that still sees the old rows: repeat when it has ended"
    assert clean_storage(db, ["contact"]) is None


def test_a_user_who_may_not_clean_a_table_is_not_said_to_have_done_it(db: Database) -> None:
    role = "sends_only"
    limited = Database(db.url.set(username=role).render_as_string(hide_password=False))
    with db.write() as tx:
        tx.execute(text(f"CREATE ROLE {role} LOGIN"))
    try:
        assert "permission denied" in str(clean_storage(limited, ["contact"])) or "skipping" in str(
            clean_storage(limited, ["contact"])
        )
    finally:
        limited.close()
        with db.write() as tx:
            tx.execute(text(f"DROP ROLE {role}"))
