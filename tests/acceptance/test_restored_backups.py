"""One of the two stores is restored from a backup and older than the other: nothing is sent twice unnoticed."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.environment import ROOT
from harkara.backends.redis import RedisBackend
from harkara.connections import SyncConnections
from harkara.delivery.last_posts import KEY
from harkara.intake.producer import STREAM
from harkara.ledger.halts import RESTORED, list_halts
from harkara.ledger.messages.commands import resolve
from harkara.ledger.occasions.queries import list_occasions
from harkara.occasions import Closing
from harkara.redis_address import RedisAddress
from harkara.redis_client import connect
from harkara.steps import run
from harness.valkey import ValkeyServer, valkey
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.messages import CATEGORIES, new_message, new_messages
from tests.acceptance.promises import TWICE, UNCERTAIN_SENT, Result
from tests.acceptance.test_reminders import load_plan, visit

LIMIT = "60/10s"

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@ON_SQLITE
def test_after_a_restore_of_the_ledger_an_operator_decides_about_what_may_have_been_sent(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Redis remembers the last POST: the lane parks itself before the first message goes out a second time."""
    before, late = new_messages(40, CATEGORIES), new_message(at=datetime.now(UTC) + timedelta(hours=1))
    unsent, fresh = new_message(), new_message()
    with deployment(tmp_path, redis_server, database_url) as harkara:
        harkara.accept([*before, late])
        back_up(harkara, tmp_path)
        worker = harkara.start_worker()
        harkara.wait_accepted(len(before))
        wait_published(harkara)
        worker.kill()
        harkara.ledger.engine.dispose()
        restore(tmp_path)

        worker = harkara.start_worker()
        harkara.accept([fresh])
        assert halts(harkara) == [("default", "parked", RESTORED)]
        assert command(harkara, "lanes", "unpark", "default")[0] == 4
        worker.terminate()
        assert harkara.sandbox.counts()["accepted"] == len(before)

        code, found = command(harkara, "recover", "--apply", "--by", "Asha")
        assert (code, found["lanes"], found["uncertain"], found["send"]) == (0, ["default"], 41, 0)
        harkara.accept([unsent])
        harkara.start_worker()
        assert command(harkara, "lanes", "unpark", "default")[0] == 0
        harkara.wait_until(lambda: harkara.status(unsent)["state"] == "accepted", "a new message is sent")
        results = harkara.examine([*before, fresh, unsent]).results
        assert {results[each.id] for each in before} == {UNCERTAIN_SENT}
        assert results[fresh.id] == Result(0, "uncertain")
        assert harkara.status(late)["state"] == "waiting"

        resolve(harkara.ledger, before[2].id, "resend", by="Asha")
        resolve(harkara.ledger, fresh.id, "resend", by="Asha")
        harkara.wait_until(lambda: harkara.sandbox.counts()["accepted"] == len(before) + 3, "both are sent")
        harkara.wait_until(lambda: not {"queued", "claimed", "sending"} & harkara.states().keys(), "both are recorded")
        verdict = harkara.examine([*before, fresh, unsent])
        verdict.assert_kept(uncertain=len(before) - 1)
        assert verdict.results[before[2].id] == TWICE
        assert halts(harkara) == []


@ON_SQLITE
def test_an_old_append_only_file_sends_nothing_again_and_undoes_nothing(tmp_path: Path, database_url: str) -> None:
    """Its entries are committed already; what the application and the customer said later stays."""
    envelopes, again = new_messages(60, CATEGORIES), new_message()
    plan = load_plan(ROOT / "config" / "reminders.toml")
    at = datetime.now(UTC) + timedelta(days=30)
    moved, cancelled = (visit(number, at, plan) for number in (1, 2))
    settings = {"HARKARA_ALLOWANCE": LIMIT}
    with (
        valkey(appendonly="yes", appendfsync="always", auto_aof_rewrite_percentage="0") as server,
        deployment(tmp_path, server, database_url, **settings) as harkara,
    ):
        harkara.sandbox.set_faults(limit=LIMIT)
        with harkara.client() as client, closing(SyncConnections(server.url, 3)) as connections:
            client.send_many(envelopes)
            run(RedisBackend(RedisAddress(), 3).save_occasions([moved, cancelled], plan), connections)
            client.opt_out(again.to, proof="form 1")
            shutil.copytree(server.dir / "appendonlydir", tmp_path / "old")
            time.sleep(1.1)  # of two choices in one second, the opt-out counts
            client.opt_in(again.to, proof="form 2")
            later = visit(1, at + timedelta(days=1), plan)
            ending = Closing(kind=cancelled.kind, reference=cancelled.reference, status="cancelled")
            run(RedisBackend(RedisAddress(), 3).save_occasions([later, ending], plan), connections)
        worker = harkara.start_worker()
        harkara.wait_until(lambda: harkara.states()["accepted"] == 60, "all messages are sent")
        harkara.wait_until(lambda: not connect(server.url, seconds=30).xlen(STREAM), "the intake is committed")
        worker.terminate()

        server.stop()
        shutil.rmtree(server.dir / "appendonlydir")
        shutil.copytree(tmp_path / "old", server.dir / "appendonlydir")
        server.start()
        redis = connect(server.url, seconds=30)
        assert redis.xlen(STREAM) == 63
        worker = harkara.start_worker()
        harkara.wait_until(lambda: not redis.xlen(STREAM), "the old entries are committed again")
        harkara.accept([again])
        harkara.wait_until(lambda: harkara.status(again)["state"] == "accepted", "the customer gets messages")
        assert harkara.states()["accepted"] == 61
        assert {each.reference: (each.at, each.status) for each in list_occasions(harkara.ledger)} == {
            moved.reference: (later.at, "open"),
            cancelled.reference: (at, "cancelled"),
        }
        harkara.examine([*envelopes, again]).assert_kept()
        counts = harkara.sandbox.counts(10)
        assert counts["most_received_in_window"] <= 60
        assert counts["refused"] == 0


def back_up(harkara: Deployment, folder: Path) -> None:
    """Copy the ledger as docs/how-to/back-up-and-restore.md says."""
    assert command(harkara, "backup", str(folder / "backup.db"))[0] == 0


def restore(folder: Path) -> None:
    for name in ("harkara.db-wal", "harkara.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copyfile(folder / "backup.db", folder / "harkara.db")


def wait_published(harkara: Deployment) -> None:
    """Wait until Redis has the time of a POST that the backup lacks."""
    redis = connect(harkara.valkey.url, seconds=30)
    harkara.wait_until(lambda: redis.hexists(KEY, "default"), "Redis has the time of a POST")


def halts(harkara: Deployment) -> list[tuple[str, str, str]]:
    return [(halt.lane, halt.state, halt.code) for halt in list_halts(harkara.ledger)]


def command(harkara: Deployment, *words: str) -> tuple[int, Any]:
    """Run the `harkara` command on the deployment; return its exit code and its JSON document."""
    process = harkara.start("command", "harkara", *words, "--json")
    code = process.popen.wait(60)
    lines = [line for line in process.output().splitlines() if line.startswith("{")]
    return code, json.loads(lines[-1])
