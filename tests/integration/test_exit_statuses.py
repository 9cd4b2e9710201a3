"""The exit status of each process, and what `make up` does by it: 78 is for what no restart repairs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from honcho.environ import parse_procfile

from harkara.ledger import migrate
from harkara.ledger.database import Database
from harness.ledger import prepare
from harness.ports import free_port
from harness.postgres import PostgresServer
from harness.process import ROOT, Process
from harness.python import run_module

COMMANDS = dict(parse_procfile((ROOT / "Procfile").read_text()).processes)
COMMANDS |= {"sandbox": "python -m workers.sandbox", "migrate": "python -m workers.migrate"}
COMMANDS |= {"local": "python -m workers.local"}


def run(command: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the Procfile until it ends, as a fork; `make up` starts them as they are."""
    own = {"HARKARA_VAR": str(folder), "HARKARA_ENV_FILE": os.devnull, "HARKARA_METRICS_PORT": ""}
    own |= {"HARKARA_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0", "PORT": str(free_port())}
    words = shlex.split(re.sub(r"\$\{\w+:-(\S+)\}", r"\1", command).removeprefix("python -m "))
    return run_module(words, os.environ | own | settings)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_setting_that_is_wrong_ends_each_process_with_78_and_a_sentence(name: str, tmp_path: Path) -> None:
    ended = run(COMMANDS[name], tmp_path, HARKARA_SILENCE="soon")
    assert ended.returncode == os.EX_CONFIG
    assert ended.stderr.startswith("The settings are not understood. HARKARA_SILENCE: must be a duration")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_an_env_file_that_cannot_be_read_ends_each_process_with_78_and_a_sentence(name: str, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("HARKARA_SILENCE=90s\n", "utf-16")
    ended = run(COMMANDS[name], tmp_path, HARKARA_ENV_FILE=str(file))
    assert ended.returncode == os.EX_CONFIG
    assert ended.stderr == f"The settings are not understood. {file}: is not in UTF-8; save it as UTF-8\n"


def test_a_file_that_is_wrong_ends_a_worker_with_78(tmp_path: Path) -> None:
    (tmp_path / "reminders.toml").write_text("[rule\n")
    ended = run(COMMANDS["worker"], tmp_path, HARKARA_REMINDERS_FILE=str(tmp_path / "reminders.toml"))
    assert ended.returncode == os.EX_CONFIG
    assert "reminders.toml" in ended.stderr


@pytest.mark.parametrize("name", ["SANDBOX_PORT", "FLOWER_PORT"])
@pytest.mark.parametrize("port", ["http", "65536"])
def test_a_port_that_is_none_ends_make_up_with_78(tmp_path: Path, name: str, port: str) -> None:
    ended = run(COMMANDS["local"], tmp_path, **{name: port})
    assert ended.returncode == os.EX_CONFIG
    assert ended.stderr == f"{name}: must be a port, a number from 0 to 65535 ({port})\n"


def test_a_folder_that_cannot_be_used_ends_make_up_with_the_next_step(tmp_path: Path) -> None:
    file = tmp_path / "var"
    file.touch()
    ended = run(COMMANDS["local"], file)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{file} cannot be used: File exists. Let this user write it")
    assert len(ended.stderr.splitlines()) == 1


def test_a_fault_of_the_file_of_the_ledger_names_no_server(tmp_path: Path) -> None:
    file = tmp_path / "harkara.db"
    file.write_text("no database" * 100)
    ended = run(COMMANDS["migrate"], tmp_path, HARKARA_DATABASE_URL=f"sqlite:///{file}")
    assert ended.returncode == 1
    assert ended.stderr == "the file of the database is no SQLite database: check HARKARA_DATABASE_URL\n"


def test_a_database_without_the_schema_ends_the_http_api_with_78(tmp_path: Path) -> None:
    ended = run(COMMANDS["web"], tmp_path, HARKARA_DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    assert ended.returncode == os.EX_CONFIG
    assert "run `python -m workers.migrate`" in ended.stderr


def test_a_database_that_does_not_answer_ends_a_worker_with_1_since_it_comes_back(tmp_path: Path) -> None:
    url = f"postgresql://harkara@127.0.0.1:{free_port()}/harkara"
    ended = run(COMMANDS["worker"], tmp_path, HARKARA_DATABASE_URL=url)
    assert ended.returncode == 1
    assert "the database cannot be used now" in ended.stderr


def test_the_check_of_the_schema_changes_nothing_and_ends_with_1_until_it_is_migrated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    before = run(f"{COMMANDS['migrate']} --check", tmp_path, HARKARA_DATABASE_URL=url)
    assert (before.returncode, "run `python -m workers.migrate`" in before.stderr) == (1, True)
    prepare(url)
    assert run(f"{COMMANDS['migrate']} --check", tmp_path, HARKARA_DATABASE_URL=url).returncode == 0


def test_a_process_that_waits_for_the_migration_ends_when_another_has_migrated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with waiting("--check --wait", tmp_path, url) as process:
        process.wait_for_output("does not have the schema of this release")
        prepare(url)
        assert process.popen.wait(60) == 0


def test_a_migration_that_waits_goes_on_when_the_database_answers(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    url = postgres_server.database_url(f"t{uuid4().hex}")
    with waiting("--wait", tmp_path, url) as process:
        process.wait_for_output("waiting: the database cannot be used now")
        postgres_server.create_database(url.rpartition("/")[2])
        assert process.popen.wait(60) == 0
    db = Database(url)
    assert migrate.at_head(db)
    db.close()


@contextmanager
def waiting(options: str, folder: Path, url: str) -> Iterator[Process]:
    """Run the migration until the test ends it."""
    own = {"HARKARA_VAR": str(folder), "HARKARA_ENV_FILE": os.devnull, "HARKARA_DATABASE_URL": url}
    process = Process.fork("migrate", ["workers.migrate", *options.split()], own, folder)
    try:
        yield process
    finally:
        process.kill()


MANAGER = """
import sys
from honcho.printer import Printer
from workers.restarts import RestartingManager

manager = RestartingManager(Printer(sys.stdout))
manager.add_process("other", "exec sleep 60")
manager.add_process("worker", "if mkdir restarted; then exit 1; else echo A setting is wrong.; exit 78; fi")
manager.loop()
sys.exit(manager.returncode)
"""


def test_make_up_starts_a_process_again_that_ends_with_1_and_ends_all_for_78(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MANAGER]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == os.EX_CONFIG
    assert ended.stdout.count("starts again in") == 1
    restarted, _, last = ended.stdout.partition("worker ended with status 1. It starts again in 1 s.")
    assert "A setting is wrong." not in restarted
    assert "A setting is wrong." in last
