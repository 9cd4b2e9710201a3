"""The commands of the manual for containers back a ledger up and restore it, run here without Docker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harkara.ledger.database import Database
from harkara.ledger.halts import list_halts
from harkara.ledger.messages.queries import get_status
from harness.ledger import copied_ledger
from harness.postgres import PostgresServer
from harness.process import ROOT
from harness.python import write_command
from harness.valkey import ValkeyServer
from tests.integration.command.deployment import listed, store

MANUAL = ROOT / "docs" / "how-to" / "back-up-and-restore.md"
IN_DOCKER = re.compile(r"<!-- not run: needs Docker -->\n *```sh\n(.*?)```", re.DOTALL)

DOCKER = """#!/bin/bash
# `docker compose exec SERVICE COMMAND` and `run` start the command here; services start and stop by themselves.
verb=$2
shift 2
while [[ $1 == -* ]]; do shift; done
service=$1
shift
case $verb in
  exec | run)
    if [[ $service == migrate ]]; then set -- migrate; fi
    exec "$@"
    ;;
esac
"""


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    """The database `harkara` of `docker-compose.yml`."""
    yield copied_ledger(postgres_server, "harkara")
    with postgres_server.connect() as connection:
        connection.execute("DROP DATABASE harkara WITH (FORCE)")


def test_the_manuals_backup_is_restored_and_what_may_have_been_sent_since_waits_for_a_decision(
    tmp_path: Path, database: str, postgres_server: PostgresServer, redis_server: ValkeyServer
) -> None:
    environment = docker(tmp_path, database, postgres_server, redis_server)
    ledger = Database(database)
    due, later = store(ledger, at=None), store(ledger)
    back_up = blocks("## Back up", "### Redis")
    restore = blocks("## Restore the ledger", "What the ledger does not have")
    assert (len(back_up), len(restore)) == (1, 2)
    run(back_up, environment, tmp_path)
    store(ledger)
    ledger.close()

    run(restore, environment, tmp_path)
    assert sorted(listed(ledger)) == sorted([due, later])
    assert get_status(ledger, due)["state"] == "uncertain"
    assert get_status(ledger, later)["state"] == "waiting"
    assert [halt.lane for halt in list_halts(ledger)] == ["default"]
    ledger.close()
    assert (tmp_path / "before-restore.dump").stat().st_size > 1000


def docker(folder: Path, database: str, server: PostgresServer, valkey: ValkeyServer) -> dict[str, str]:
    """An environment in which `docker` runs the commands here, on these servers."""
    tool = folder / "bin" / "docker"
    tool.parent.mkdir()
    tool.write_text(DOCKER)
    tool.chmod(0o755)
    write_command(tool.with_name("migrate"), "workers.migrate")
    write_command(tool.with_name("harkara"), "harkara")
    if shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump on this machine")
    return {
        **os.environ,
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "HARKARA_DATABASE_URL": database,
        "HARKARA_REDIS_URL": valkey.url,
        "CHATMITRA_API_TOKEN": "token",
    }


def blocks(start: str, end: str) -> list[str]:
    """The commands for Docker between two texts of the manual."""
    section = MANUAL.read_text("utf-8").partition(f"{start}\n")[2].partition(end)[0]
    return IN_DOCKER.findall(section)


def run(commands: list[str], environment: dict[str, str], folder: Path) -> None:
    for code in commands:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
