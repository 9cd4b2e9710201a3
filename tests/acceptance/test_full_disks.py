"""A disk is full, and then has space again: nothing is lost or sent twice, without any help."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from uuid import uuid4

import pytest

from harkara import Client, Envelope, Unavailable
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import get_status
from harkara.messages import Template
from harness.ledger import copied_ledger, prepare
from harness.postgres import PostgresServer
from harness.process import Process
from harness.valkey import ValkeyServer
from harness.waiting import wait_until
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.full_disk import Disk, small_disk
from tests.acceptance.http_client import request
from tests.acceptance.messages import new_messages
from tests.acceptance.promises import REACHED
from tests.acceptance.sandbox_client import SandboxClient
from tests.acceptance.test_make_up import stop

FULL = "the disk of the database is full: free space on it, and work continues by itself"
SECONDS = 6.0
"""How long the disk stays full; twice the lease of a claim."""


@contextmanager
def sqlite_on(disk: Disk, _request: pytest.FixtureRequest) -> Iterator[str]:
    yield f"sqlite:///{disk.folder / 'harkara.db'}"


@contextmanager
def postgres_on(disk: Disk, request: pytest.FixtureRequest) -> Iterator[str]:
    """Place a database in a tablespace on the disk. Its write-ahead log is elsewhere, as on most servers."""
    server: PostgresServer = request.getfixturevalue("postgres_server")
    place = disk.folder / "tablespace"
    place.mkdir()
    if server.user:
        shutil.chown(place, server.user)
    name = f"t{uuid4().hex}"
    with server.connect() as admin:
        admin.execute(f"CREATE TABLESPACE {name} LOCATION '{place}'")
        try:
            yield copied_ledger(server, name, f"TABLESPACE {name}")
        finally:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            admin.execute(f"DROP TABLESPACE {name}")


@pytest.mark.parametrize("place", [sqlite_on, postgres_on], ids=["sqlite", "postgres"])
def test_sending_continues_when_the_full_disk_of_the_database_has_space_again(
    place: Callable[[Disk, pytest.FixtureRequest], Any],
    tmp_path: Path,
    redis_server: ValkeyServer,
    request: pytest.FixtureRequest,
) -> None:
    before, after = new_messages(120, ("reply", "utility")), new_messages(30, ("reply", "utility"))
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(48))
        url = stack.enter_context(place(disk, request))
        harkara = stack.enter_context(deployment(tmp_path, redis_server, url, HARKARA_THREADS="8"))
        harkara.sandbox.set_faults(latency_ms=200)
        worker = harkara.start_worker()
        harkara.accept(before)
        harkara.wait_accepted(30)
        with disk.full():
            kept, refused = fill_ledger(harkara, disk)
            time.sleep(SECONDS)
            assert worker.alive
        with harkara.client() as client:
            client.send_many(after)
        everything = [*before, *kept, *after]
        harkara.wait_settled(len(everything))
        harkara.examine(everything).assert_kept()
        assert FULL in refused
        assert FULL in worker.output()


def fill_ledger(harkara: Deployment, disk: Disk) -> tuple[list[Envelope], str]:
    """Store messages until the ledger refuses some; return the stored ones, and the error."""
    kept: list[Envelope] = []
    with harkara.direct_client(seconds=5) as client:
        for _ in range(200):
            batch = new_messages(50, ("utility",))
            disk.fill()
            try:
                client.send_many(batch)
            except Unavailable as error:
                return kept, str(error)
            kept += batch
    raise AssertionError("the disk is not full")


def test_make_up_survives_a_full_disk_under_the_ledger_and_redis(tmp_path: Path) -> None:
    """Valkey ends itself at the first write that its append-only file cannot take, and starts again."""
    with small_disk(96) as disk:
        var = disk.folder / "var"
        settings = {"HARKARA_VAR": str(var), "HARKARA_ENV_FILE": os.devnull, "SANDBOX_LIMIT": "none"}
        settings |= {"HARKARA_ALLOWANCE": "none", "HARKARA_QUIET_HOURS": "none"}
        prepare(f"sqlite:///{var / 'harkara.db'}")  # whose migration another test runs
        local = Process.start("local", [sys.executable, "-m", "workers.local"], settings, tmp_path)
        try:
            wait_until((var / "places.json").exists, 60, "places.json exists", details=local.output)
            local.wait_for_output("Uvicorn running on")
            local.wait_for_output("ready.")
            places = json.loads((var / "places.json").read_text())
            accepted = [post(places, number, patience=60) for number in range(20)]
            with disk.full():
                refused = wait_refused(places, accepted, disk)
                with Client(places["Redis"]) as client:
                    wait_until(lambda: hand_over_fails(client, disk), 60, "Redis refuses", details=local.output)
                local.wait_for_output("The embedded Valkey ended with status 1")
                time.sleep(SECONDS)
            assert refused.startswith("503 ")
            assert FULL in refused
            with Client(places["Redis"]) as client:
                wait_until(lambda: not hand_over_fails(client, None), 90, "Redis accepts", details=local.output)
            accepted += [post(places, number, patience=60) for number in range(100, 110)]
            sandbox = SandboxClient(places["Sandbox"])
            with_ledger(var, accepted, local)
            counts = sandbox.accepted()
            assert len(accepted) == len(set(accepted))
            assert [number for number in counts.values() if number > 1] == []
            local.popen.send_signal(signal.SIGTERM)
            assert local.popen.wait(90) == 0
        finally:
            stop(local)


def post(places: dict[str, str], number: int, patience: float = 0) -> str:
    """Send a message over the HTTP API, for `patience` seconds again after a 503; return its id."""
    body = {
        "recipient_mobile_number": f"9198765{number:05d}",
        "messages": [Template("order_ready", body=[f"Asha {number}"]).wire()],
    }
    end = time.monotonic() + patience
    while True:
        try:
            headers = {"Authorization": f"Bearer {places['Web token']}", "Idempotency-Key": f"order {number}"}
            return str(request(f"{places['Web']}/send_message", body, headers=headers)["jobId"])
        except HTTPError as error:
            if error.code != 503 or time.monotonic() > end:
                raise
            time.sleep(0.5)


def wait_refused(places: dict[str, str], accepted: list[str], disk: Disk) -> str:
    """Send messages until one is refused; return the sentence, and add the ids of the others to `accepted`."""
    for number in range(1_000, 6_000):
        disk.fill()
        try:
            accepted.append(post(places, number))
        except HTTPError as error:
            return f"{error.code} {error.read().decode()}"
    raise AssertionError("the HTTP API accepts messages although the disk is full")


def hand_over_fails(client: Client, disk: Disk | None) -> bool:
    if disk:
        disk.fill()
    try:
        client.send(Template("order_ready", body=[f"Ravi {uuid4().hex}"]), to="919812345678")
    except Unavailable:
        return True
    return False


def with_ledger(var: Path, accepted: list[str], local: Process) -> None:
    """Wait until Chat Mitra has each of the accepted messages."""
    ledger = Database(f"sqlite:///{var / 'harkara.db'}", lock_timeout=20)
    try:
        states = {identity: "" for identity in accepted}

        def arrived() -> bool:
            for identity, state in states.items():
                if state not in REACHED:
                    states[identity] = get_status(ledger, identity).state
            return set(states.values()) <= REACHED

        wait_until(arrived, 150, "all accepted messages are sent", details=lambda: str(states) + local.output()[-3000:])
    finally:
        ledger.close()
