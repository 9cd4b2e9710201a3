"""How often a command waits for the database: on another host, each round trip takes up to a millisecond."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from harkara.ledger.database import Database
from harness.postgres import PostgresServer
from tests.integration.command.deployment import Harkara, store


class Relay(ThreadingTCPServer):
    """Passes bytes on to a server, and counts its connections, and its answers to what a client has sent."""

    daemon_threads = True

    def __init__(self, server: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.server = server
        self.connections = 0
        self.round_trips = 0


class _Passing(BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        self.server.connections += 1
        answered = True
        with socket.create_connection(self.server.server) as server:
            other = {self.request: server, server: self.request}
            while True:
                for ready in select.select(list(other), [], [])[0]:
                    if not (received := ready.recv(65_536)):
                        return
                    if ready is server and not answered:
                        self.server.round_trips += 1
                    answered = ready is server
                    other[ready].sendall(received)


@contextmanager
def relay(server: PostgresServer) -> Iterator[Relay]:
    with Relay((server.host.address, server.port)) as passing:
        thread = Thread(target=passing.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield passing
        finally:
            passing.shutdown()
            thread.join()


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_status_uses_one_connection_and_few_round_trips(
    db: Database, postgres_server: PostgresServer, environment: dict[str, str], harkara: Harkara
) -> None:
    identity = store(db)
    with relay(postgres_server) as passing:
        url = db.url.set(port=passing.server_address[1]).update_query_dict({"sslmode": "disable"})
        environment["HARKARA_DATABASE_URL"] = url.render_as_string(hide_password=False)
        assert harkara("status", identity).exit_code == 0
        assert passing.connections == 1
        assert passing.round_trips <= 19
