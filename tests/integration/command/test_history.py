"""`harkara history`: it counts what the deletion of old messages deletes, and deletes it with --yes."""

from __future__ import annotations

import json

from sqlalchemy import text

from harkara.ledger.database import Database
from harkara.ledger.users.acts import list_acts
from harkara.outcomes import Refused
from tests.integration.command.deployment import Harkara, attempted, listed, store

REFUSED = Refused("131026", "Undeliverable", "The number has no WhatsApp.", 400)


def test_it_counts_old_messages_and_deletes_them_with_yes(
    harkara: Harkara, environment: dict[str, str], ledger: Database
) -> None:
    environment["HARKARA_RETENTION_DAYS"] = "0"
    waiting, first, last = store(ledger), attempted(ledger, REFUSED), attempted(ledger, REFUSED)
    with ledger.write() as tx:
        tx.execute(text("UPDATE message SET expires_at = created_at WHERE state = 'failed'"))
    assert "HARKARA_HISTORY_DAYS is empty" in harkara("history").stderr
    assert "oldest message of" in harkara("doctor").stdout
    counted = json.loads(harkara("history", "--days", "0", "--json").stdout)
    assert (counted["deleted"], counted["rows"]["message"], counted["kept"]) == (False, 1, 2)
    assert "Nothing was deleted." in harkara("history", "--days", "0").stderr
    assert len(listed(ledger)) == 3
    environment["HARKARA_HISTORY_DAYS"] = "0.0000001"
    deleted = harkara("history", "--yes", "--by", "Asha")
    assert deleted.stdout == "Deleted: attempt 1, message 1, trace 1\n"
    assert set(listed(ledger)) == {waiting, last}
    assert [(each.name, each.act, each.number) for each in list_acts(ledger)] == [("Asha", "history.deleted", 1)]
    assert harkara("status", first).exit_code == 3


def test_it_refuses_fewer_days_than_those_of_the_retention(harkara: Harkara, environment: dict[str, str]) -> None:
    refused = harkara("history", "--days", "30")
    assert refused.exit_code == 2
    assert "HARKARA_RETENTION_DAYS" in refused.stderr
    environment["HARKARA_HISTORY_DAYS"] = "30"
    assert "HARKARA_HISTORY_DAYS: is 30, less than HARKARA_RETENTION_DAYS (90)" in harkara("history").stderr
