"""A PostgreSQL and a Redis as administrators guard them: TLS, passwords, sockets, few rights and few connections."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from psycopg.sql import SQL, Identifier, Literal

from harkara.redis_client import connect
from harness.ledger import migrated
from harness.postgres import PostgresServer, postgres, unprivileged_user
from harness.valkey import ValkeyServer
from tests.certificates import Issued, issued

PASSWORD = "p@ss:w/rd%20?#"
USER = "app"

MOST_CONNECTIONS = 80
"""Of which PostgreSQL keeps three for superusers."""

RIGHTS = "+@all -@admin -@dangerous +info".split()
KEYS = "harkara* _kombu.* unacked* *.celery.pidbox* celeryev*".split()
"""What docs/how-to/deploy.md names as the rights that Harkara needs in Redis, beside all channels."""

_HBA = f"""
host all harkara 127.0.0.1/32 trust
hostssl all {USER} 127.0.0.1/32 scram-sha-256
local all {USER} scram-sha-256
"""


@dataclass
class GuardedPostgres:
    """A server that lets USER in by its password, over TLS or through a socket in `sockets`."""

    server: PostgresServer
    tls: Issued
    sockets: Path

    template: str | None = None
    """The name of a database with the tables, which USER has created."""

    def create_ledger(self) -> str:
        """Create a ledger of USER as a copy of one that USER has migrated; return its name."""
        if self.template is None:
            self.template = self._create_database("template0")
            migrated(self.socket_url(self.template))
        return self._create_database(self.template)

    def tls_url(self, name: str, host: str = "localhost", password: str = PASSWORD) -> str:
        options = f"sslmode=verify-full&sslrootcert={quote(str(self.tls.authority), safe='')}"
        return f"postgresql://{USER}:{quote(password, safe='')}@{host}:{self.server.port}/{name}?{options}"

    def socket_url(self, name: str) -> str:
        secret = f"{USER}:{quote(PASSWORD, safe='')}"
        return f"postgresql://{secret}@/{name}?host={quote(str(self.sockets), safe='')}&port={self.server.port}"

    def _create_database(self, template: str) -> str:
        name = f"t{uuid4().hex}"
        create = SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
        with self.server.connect() as connection:
            connection.execute(create.format(*map(Identifier, (name, USER, template))))
        return name


@contextmanager
def guarded_postgres() -> Iterator[GuardedPostgres]:
    """Run such a server. Raises PostgresUnavailable."""
    with tempfile.TemporaryDirectory(prefix="harkara-guarded-") as name:
        folder = Path(name)
        tls = issued(folder, "DNS:localhost")
        hba = folder / "hba.conf"
        hba.write_text(_HBA)
        os.chmod(folder, 0o755)
        os.chmod(tls.certificate, 0o600)
        if user := unprivileged_user():
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, user)
        settings = {
            "ssl": "on",
            "ssl_cert_file": tls.certificate,
            "ssl_key_file": tls.certificate,
            "hba_file": hba,
            "unix_socket_directories": folder,
            "max_connections": MOST_CONNECTIONS,
            "fsync": "off",
        }
        with postgres(*(word for each in settings.items() for word in ("-c", "{}={}".format(*each)))) as server:
            with server.connect() as connection:
                create = SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(Identifier(USER), Literal(PASSWORD))
                connection.execute(create)
            yield GuardedPostgres(server, tls, folder)


def add_redis_user(valkey: ValkeyServer) -> str:
    """Create USER with the fewest rights; return the part of a URL that names it."""
    with connect(valkey.url, seconds=30) as admin:
        admin.execute_command(
            "ACL", "SETUSER", USER, "on", f">{PASSWORD}", *(f"~{key}" for key in KEYS), "allchannels", *RIGHTS
        )
    return f"{USER}:{quote(PASSWORD, safe='')}"


def denied(valkey: ValkeyServer) -> list[str]:
    """Return what Redis has denied any user."""
    with connect(valkey.url, seconds=30) as admin:
        return [f"{each['reason']}: {each['object']}" for each in admin.acl_log()]
