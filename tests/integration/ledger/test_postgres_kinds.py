"""PostgreSQL with other encodings, formats, privileges and poolers than a new server has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from uuid import uuid4

import pytest
import redis
from sqlalchemy import text
from structlog.testing import capture_logs

from harkara.intake.producer import STREAM
from harkara.intake.stream import Intake
from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import get_dead_letters
from harkara.ledger.driver_errors import NoPrivilege, OtherSchema, WrongEncoding
from harkara.ledger.messages.search import list_messages
from harkara.ledger.tables import all_tables
from harkara.messages import Text
from harness.ledger import migrated
from harness.postgres import PostgresServer
from tests.acceptance.failover_proxy import forward_all
from tests.integration.ledger.steps import accept_messages, reply, row
from tests.integration.test_dead_letters import drain

NAMASTE = "नमस्ते"
MANY = 60
"""More rows than one INSERT gets."""


@dataclass
class Kind:
    """A database of its own, and its administrator's way to change it."""

    server: PostgresServer
    name: str
    url: str

    def alter(self, *statements: str) -> None:
        """Run statements as the administrator; `{db}` in them is the database."""
        db = Database(self.url)
        with db.write() as tx:
            for statement in statements:
                tx.execute(text(statement.format(db=f'"{self.name}"')))
        db.close()

    def limited(self, *grants: str) -> str:
        """Create a user without privileges but these; return the URL of the database for this user."""
        user = f"u{uuid4().hex}"
        self.alter(f"CREATE ROLE {user} LOGIN", *(f"GRANT {grant} TO {user}" for grant in grants))
        return self.url.replace("harkara@", f"{user}@")


@pytest.fixture
def kind(postgres_server: PostgresServer) -> Kind:
    name = f"t{uuid4().hex}"
    return Kind(postgres_server, name, postgres_server.create_database(name))


@contextmanager
def opened(url: str) -> Iterator[Database]:
    db = Database(url, lock_timeout=2)
    try:
        yield db
    finally:
        db.close()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_is_not_utf8_gets_no_tables(postgres_server: PostgresServer, encoding: str) -> None:
    with opened(postgres_server.create_database(f"t{uuid4().hex}", encoding=encoding)) as db:
        with pytest.raises(WrongEncoding, match=f"encoding {encoding}"):
            migrate.upgrade(db)
        assert f"encoding {encoding}" in str(migrate.schema_problem(db))
        with db.read() as tx:
            assert tx.execute(text("SELECT count(*) FROM pg_class WHERE relname = 'message'")).scalar() == 0


def test_what_such_a_database_cannot_store_becomes_a_dead_letter_without_its_text(
    postgres_server: PostgresServer, redis_client: redis.Redis
) -> None:
    """An earlier release has created its tables."""
    with opened(postgres_server.create_database(f"t{uuid4().hex}", encoding="LATIN1")) as db:
        all_tables().create_all(db.engine)
        hindi, english = reply(1, messages=[Text(NAMASTE)]), reply(2)
        Intake(redis_client).append("send", [hindi.to_json(), english.to_json()])
        with capture_logs() as lines:
            assert drain(redis_client, db) == 1
        assert redis_client.xlen(STREAM) == 0, "the next round does not read it again"
        assert [one.id for one in list_messages(db)] == [english.id]
        (letter,) = get_dead_letters(db)
        assert (letter.content, "UntranslatableCharacter" in letter.reason) == (None, True)
        assert NAMASTE not in f"{lines} {letter}"


@pytest.mark.parametrize(
    "setting",
    ["client_encoding TO 'LATIN1'", "datestyle TO 'German'", "default_transaction_isolation TO 'serializable'"],
)
def test_settings_of_the_database_change_neither_texts_nor_times(kind: Kind, setting: str) -> None:
    kind.alter(f"ALTER DATABASE {{db}} SET {setting}")
    with opened(migrated(kind.url)) as db:
        identity, *_ = accept_messages(db, *(reply(n, messages=[Text(NAMASTE)]) for n in range(MANY)))
        kept = row(db, identity)
        assert NAMASTE in str(kept["body"])
        assert abs(kept["created_at"] - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_bulk_needs_no_right_to_temporary_tables(kind: Kind) -> None:
    migrated(kind.url)
    kind.alter("REVOKE TEMPORARY ON DATABASE {db} FROM PUBLIC")
    with opened(kind.limited("SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public")) as db:
        ids = accept_messages(db, *(reply(n) for n in range(MANY)))
        assert {one.id for one in list_messages(db, limit=MANY)} == set(ids)


def test_a_missing_privilege_is_named_and_nothing_is_lost_meanwhile(kind: Kind, redis_client: redis.Redis) -> None:
    migrated(kind.url)
    url = kind.limited("SELECT ON ALL TABLES IN SCHEMA public")
    Intake(redis_client).append("send", [reply().to_json()])
    with opened(url) as db, pytest.raises(NoPrivilege, match="permission denied for table message"):
        drain(redis_client, db)
    assert redis_client.xlen(STREAM) == 1
    with opened(kind.url) as db:
        assert get_dead_letters(db) == []


def test_a_migration_without_the_right_to_create_tables_is_refused_in_a_sentence(kind: Kind) -> None:
    kind.alter("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with opened(kind.limited()) as db, pytest.raises(NoPrivilege, match="make this user the owner of the database"):
        migrate.upgrade(db)


def test_a_database_of_a_newer_release_is_refused_in_a_sentence(db: Database) -> None:
    with db.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        tx.execute(text("UPDATE identity SET oldest_revision = NULL"))
    try:
        assert "newer release" in str(migrate.schema_problem(db))
        with pytest.raises(OtherSchema, match="newer release"):
            migrate.upgrade(db)
    finally:
        with db.write() as tx:
            tx.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": migrate.head()})


class Proxy(ThreadingTCPServer):
    """A proxy that refuses settings in the words of Amazon RDS Proxy, and passes everything else on."""

    daemon_threads = True

    def __init__(self, upstream: int) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.upstream = upstream


class _Session(BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        started = self.request.recv(65_536)
        if started[4:8] == b"\x04\xd2\x16\x2f":  # SSLRequest (PostgreSQL documentation, "Message Formats")
            self.request.sendall(b"N")
            started = self.request.recv(65_536)
        if b"\0options\0" in started:
            said = "Feature not supported: RDS Proxy currently doesn’t support command-line options."
            fields = b"SFATAL\0C0A000\0M" + said.encode() + b"\0\0"
            self.request.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
        else:
            forward_all(self.request, self.server.upstream, started)


def test_a_proxy_that_refuses_settings_in_other_words_is_a_pooler(kind: Kind) -> None:
    migrated(kind.url)
    with Proxy(kind.server.port) as proxy:
        Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            with opened(f"postgresql://harkara@127.0.0.1:{proxy.server_address[1]}/{kind.name}") as db:
                assert db.pooled()
                assert len(accept_messages(db, *(reply(n) for n in range(MANY)))) == MANY
        finally:
            proxy.shutdown()
