"""PgBouncer before a PostgreSQL server, from this machine's package `pgbouncer`."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from harness.ports import free_port
from harness.postgres import PostgresServer, unprivileged_user
from harness.waiting import wait_until

START_SECONDS = 20.0


class PgBouncerUnavailable(Exception):
    """This machine has no PgBouncer."""


@contextmanager
def pgbouncer(server: PostgresServer, database: str, settings: Mapping[str, str]) -> Iterator[str]:
    """Run a pooler with four sessions of the server; yield the URL of the database through it.

    `settings` are those of its configuration, such as `pool_mode`. Raises PgBouncerUnavailable.
    """
    binary = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if binary is None:
        raise PgBouncerUnavailable("PgBouncer not found: install your system's package `pgbouncer`")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="harkara-pgbouncer-") as folder:
        os.chmod(folder, 0o755)
        config = Path(folder) / "pgbouncer.ini"
        config.write_text(_config(server, port, settings))
        process = subprocess.Popen(
            [binary, str(config)], user=unprivileged_user(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: _answers(port), START_SECONDS, "PgBouncer answers")
            yield f"postgresql+psycopg://harkara@127.0.0.1:{port}/{database}"
        finally:
            process.kill()
            process.wait()


def _config(server: PostgresServer, port: int, settings: Mapping[str, str]) -> str:
    own = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(port),
        "unix_socket_dir": "",
        "auth_type": "any",
        "admin_users": "harkara",
        "pool_mode": "transaction",
        "default_pool_size": "4",
        "max_client_conn": "500",
    }
    lines = [f"{name} = {value}" for name, value in (own | dict(settings)).items()]
    backend = f"* = host=127.0.0.1 port={server.port} user=harkara"
    return "\n".join(["[databases]", backend, "[pgbouncer]", *lines, ""])


def _answers(port: int) -> bool:
    try:
        psycopg.connect(f"postgresql://harkara@127.0.0.1:{port}/pgbouncer", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
