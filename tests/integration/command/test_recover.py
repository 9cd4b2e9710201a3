"""`harkara recover` and `harkara backup`: what an operator does before and after a restore of the ledger."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

from harkara.chatmitra.webhooks import parse
from harkara.delivery.last_posts import KEY
from harkara.ledger.database import Database
from harkara.ledger.events.store_events import RawWebhook, store_webhooks
from harkara.ledger.halts import list_halts
from harkara.ledger.messages.search import list_messages
from harkara.ledger.restore import park_restored
from harkara.ledger.users.acts import list_acts
from harkara.messages import Template, Text
from harkara.outcomes import Accepted
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.integration.command.deployment import NUMBER, Harkara, attempted, run, store


def webhook(text: str, status: str = "delivered", **fields: Any) -> RawWebhook:
    """A webhook of a lane about a text that got this status now."""
    body = {
        "event": "message.failed" if status == "failed" else "message.status.updated",
        "status": status,
        "message_id": "wamid.1",
        "direction": "outbound",
        "to": NUMBER,
        "timestamp": datetime.now(UTC).timestamp(),
        "message": {"type": "text", "text": text},
    }
    return RawWebhook("default", json.dumps(body | fields).encode())


def state_of(harkara: Harkara, identity: str) -> str:
    return str(json.loads(harkara("status", identity, "--json").stdout)["state"])


def test_it_shows_what_it_would_do_and_changes_nothing(harkara: Harkara, ledger: Database) -> None:
    due, later = store(ledger, at=None), store(ledger)
    shown = harkara("recover")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("to park: default, shop  sent: 0  uncertain: 1  send: 0\n")
    assert due in shown.stdout
    assert later not in shown.stdout
    assert "--apply" in shown.stderr
    assert state_of(harkara, due) == "waiting"
    assert list_halts(ledger) == []
    assert list_acts(ledger) == []


def test_it_parks_all_lanes_marks_what_was_due_and_applies_webhooks(
    harkara: Harkara, environment: dict[str, str], ledger: Database, redis_server: ValkeyServer
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    environment["CHATMITRA_WEBHOOK_SECRET"] = "a secret of webhooks"
    redis = connect(redis_server.url, seconds=30)
    redis.hset(KEY, "default", datetime.now(UTC).isoformat())
    due, later, arrived = store(ledger, at=None), store(ledger), store(ledger, Text("It is sent"), at=None)
    store_webhooks(ledger, [webhook("It is sent")], parse)
    result = harkara("recover", "--apply", "--by", "Asha", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["applied"], found["lanes"]) == (0, True, ["default", "shop"])
    assert (found["sent"], found["uncertain"], found["send"]) == (1, 1, 0)
    assert {each["id"]: each["decision"] for each in found["messages"]} == {arrived: "sent", due: "uncertain"}
    assert not redis.exists(KEY)
    assert [halt.reason for halt in list_halts(ledger) if "says Asha" in halt.reason] != []
    assert "The ledger lacked POSTs, after a restore or a failover" in harkara("status", due).stdout
    assert [state_of(harkara, each) for each in (due, later, arrived)] == ["uncertain", "waiting", "delivered"]
    (act,) = list_acts(ledger)
    assert (act.name, act.source, act.act, act.number) == ("Asha", "command", "ledger.restored", 2)
    again = harkara("recover", "--apply")
    assert again.stdout.startswith("parked: default, shop  sent: 0  uncertain: 1  send: 0\n")
    assert "harkara lanes unpark" in again.stderr


def test_a_fallback_that_a_webhook_makes_due_may_have_been_sent_before(
    harkara: Harkara, environment: dict[str, str], ledger: Database, redis_server: ValkeyServer
) -> None:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    environment["CHATMITRA_WEBHOOK_SECRET"] = "a secret of webhooks"
    replaced = attempted(ledger, Accepted("job-1", 200), fingerprint="of webhooks", fallback=Template("table_ready"))
    failed = webhook("Hello", "failed", jobId="job-1", error={"code": 131047, "message": "Re-engagement message"})
    store_webhooks(ledger, [failed], parse)
    until = datetime.now(UTC).isoformat()
    assert harkara("recover", "--apply", "--sent-until", until).exit_code == 0
    assert state_of(harkara, replaced) == "uncertain"


def test_what_came_due_after_the_outage_began_stays_as_it_is(harkara: Harkara, ledger: Database) -> None:
    due = store(ledger, at=None)
    outage = datetime.now(UTC) - timedelta(hours=1)
    result = harkara("recover", "--apply", "--sent-until", outage.isoformat(), "--json")
    found = json.loads(result.stdout)  # one document, although Redis does not answer
    assert "run the command again" in found["problem"]
    assert (found["uncertain"], found["send"], found["messages"][0]["id"]) == (0, 1, due)
    assert state_of(harkara, due) == "waiting"
    assert {halt.lane for halt in list_halts(ledger)} == {"default", "shop"}


def test_a_time_before_a_post_that_the_ledger_or_redis_knows_is_refused(
    harkara: Harkara, environment: dict[str, str], ledger: Database, redis_server: ValkeyServer
) -> None:
    outage = datetime.now(UTC) - timedelta(hours=1)
    words = ("recover", "--sent-until", outage.isoformat())
    assert harkara(*words).exit_code == 0
    environment["HARKARA_REDIS_URL"] = redis_server.url
    redis = connect(redis_server.url, seconds=30)
    redis.hset(KEY, "default", (outage + timedelta(minutes=1)).isoformat())
    known_to_redis = harkara(*words)
    assert (known_to_redis.exit_code, "last POST that is known" in known_to_redis.stderr) == (4, True)
    redis.delete(KEY)
    attempted(ledger, Accepted("job", 200))
    assert harkara(*words).exit_code == 4


def test_a_lane_that_parked_itself_is_not_unparked_before(harkara: Harkara, ledger: Database) -> None:
    park_restored(ledger, ["default"])
    result = harkara("lanes", "unpark", "default")
    assert result.exit_code == 4
    assert "harkara recover" in result.stderr
    assert "harkara recover" in harkara("doctor").stdout
    assert harkara("lanes", "unpark", "shop").exit_code == 0


def test_without_redis_it_marks_the_messages_and_exits_with_5(harkara: Harkara, ledger: Database) -> None:
    due = store(ledger, at=None)
    result = harkara("recover", "--apply")
    assert result.exit_code == 5
    assert "run the command again" in result.stderr
    assert state_of(harkara, due) == "uncertain"


def test_while_make_up_is_stopped_it_marks_the_messages_and_asks_for_a_second_run(
    harkara: Harkara, environment: dict[str, str], ledger: Database
) -> None:
    due = store(ledger, at=None)
    environment["HARKARA_REDIS_URL"] = ""
    result = harkara("recover", "--apply")
    assert (result.exit_code, "run this command once more" in result.stderr) == (5, True)
    assert state_of(harkara, due) == "uncertain"


def test_the_second_run_marks_nothing_that_was_accepted_after_the_first(
    harkara: Harkara, environment: dict[str, str], ledger: Database, redis_server: ValkeyServer
) -> None:
    """Its lane is parked, so it cannot have been sent."""
    environment["HARKARA_REDIS_URL"] = ""
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=2)):
        advice = harkara("recover", "--apply").stderr
    fresh = store(ledger, at=None)
    environment["HARKARA_REDIS_URL"] = redis_server.url
    words = re.findall(r"--sent-until \S+", advice)[-1].split()
    assert harkara("recover", "--apply", *words).exit_code == 0
    assert state_of(harkara, fresh) == "waiting"


def test_a_process_of_its_own_needs_no_redis_either(environment: dict[str, str], ledger: Database) -> None:
    """The processes import the Celery app, which needs one."""
    due = store(ledger, at=None)
    environment["HARKARA_REDIS_URL"] = ""
    code, shown, _ = run(environment, "recover")
    assert (code, due in shown) == (0, True)
    code, _, problem = run(environment, "recover", "--apply")
    assert (code, "start `make up`, and run this command once more" in problem) == (5, True)
    assert list_messages(ledger)[0].state == "uncertain"


def test_a_time_in_the_future_is_refused(harkara: Harkara, ledger: Database) -> None:
    """It would mark what is due later, which no worker can have sent."""
    later = store(ledger)
    result = harkara("recover", "--apply", "--sent-until", "+1d")
    assert (result.exit_code, "is after now" in result.stderr) == (4, True)
    assert (state_of(harkara, later), list_halts(ledger)) == ("waiting", [])


def test_a_backup_is_written_once_under_a_name(harkara: Harkara, ledger: Database, tmp_path: Path) -> None:
    store(ledger)
    file = tmp_path / "monday.backup"
    first = json.loads(harkara("backup", str(file), "--json").stdout)
    assert first == {"file": str(file), "bytes": file.stat().st_size}
    again = harkara("backup", str(file))
    assert (again.exit_code, "exists already" in again.stderr) == (4, True)
