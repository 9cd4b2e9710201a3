"""`harkara restored`: what an operator does after a restore of the ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from harkara.delivery.last_posts import KEY
from harkara.ledger.database import Database
from harkara.ledger.halts import list_halts
from harkara.ledger.restore import park_restored
from harkara.ledger.users.acts import list_acts
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.integration.command.deployment import Harkara, store


def test_it_parks_all_lanes_and_marks_what_was_due(
    harkara: Harkara, environment: dict[str, str], ledger: Database, redis_server: ValkeyServer
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    redis = connect(redis_server.url, seconds=2)
    redis.hset(KEY, "default", datetime.now(UTC).isoformat())
    due, later = store(ledger, at=None), store(ledger)
    result = harkara("restored", "--by", "Asha", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"lanes": ["default", "shop"], "uncertain": 1})
    assert not redis.exists(KEY)
    assert [halt.reason for halt in list_halts(ledger) if "says Asha" in halt.reason] != []
    assert "The ledger was restored from a backup" in harkara("status", due).stdout
    assert json.loads(harkara("status", later, "--json").stdout)["state"] == "waiting"
    (act,) = list_acts(ledger)
    assert (act.name, act.source, act.act, act.number) == ("Asha", "command", "ledger.restored", 1)
    again = harkara("restored")
    assert again.stdout == "parked: default, shop  uncertain: 0\n"
    assert "harkara lanes unpark" in again.stderr


def test_a_lane_that_parked_itself_is_not_unparked_before(harkara: Harkara, ledger: Database) -> None:
    park_restored(ledger, ["default"])
    result = harkara("lanes", "unpark", "default")
    assert result.exit_code == 4
    assert "harkara restored" in result.stderr
    assert "harkara restored" in harkara("doctor").stdout
    assert harkara("lanes", "unpark", "shop").exit_code == 0


def test_without_redis_it_marks_the_messages_and_exits_with_5(harkara: Harkara, ledger: Database) -> None:
    due = store(ledger, at=None)
    result = harkara("restored")
    assert result.exit_code == 5
    assert "run the command again" in result.stderr
    assert json.loads(harkara("status", due, "--json").stdout)["state"] == "uncertain"


def test_while_make_up_is_stopped_it_marks_the_messages_and_asks_for_a_second_run(
    harkara: Harkara, environment: dict[str, str], ledger: Database
) -> None:
    due = store(ledger, at=None)
    environment["HARKARA_REDIS_URL"] = ""
    result = harkara("restored")
    assert (result.exit_code, "run this command once more" in result.stderr) == (5, True)
    assert json.loads(harkara("status", due, "--json").stdout)["state"] == "uncertain"
