"""A proxy to PostgreSQL that passes some commits on, waits until they are done, and closes without the reply."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Lock, Thread

from sqlalchemy.engine import URL

COMMIT = "COMMIT"

Rule = Callable[[str, int], bool]
"""Says of the nth execution of a statement, from 1 on, whether its reply is lost."""

_WRITES = re.compile(r"\b(INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM)\b")

_PROTOCOL = 3
"""Major version in the first message of a session. Until that one, messages have no type (PostgreSQL documentation,
"Message Formats").
"""


class LossyProxy(ThreadingTCPServer):
    """Listens on a free port of loopback; loses replies to commits, by a rule, until `stop_losing`.

    A commit is COMMIT, or outside of a transaction a statement that writes, whether it finds rows or not.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: int, rule: Rule) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.upstream = upstream
        self.port = int(self.server_address[1])
        self._rule = rule
        self._executed: Counter[str] = Counter()
        self._lost: list[str] = []
        self._reliable = False
        self._lock = Lock()

    def loses_reply(self, commit: str) -> bool:
        """Return whether the reply to this commit is lost."""
        with self._lock:
            self._executed[commit] += 1
            lost = not self._reliable and self._rule(commit, self._executed[commit])
            if lost:
                self._lost.append(" ".join(commit.split()))
        return lost

    def lost(self, words: str = "") -> int:
        """Return how many replies were lost to statements with these words."""
        return sum(words in statement for statement in self._lost)

    def stop_losing(self) -> None:
        self._reliable = True


class _Messages:
    """What a client sends, message by message, and which of them commits.

    psycopg prepares a statement by itself, and binds it in a later message. A session is in a transaction from BEGIN to
    COMMIT or ROLLBACK, which psycopg sends as such.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._begun = False
        self._in_transaction = False
        self._prepared: dict[bytes, str] = {}
        self._bound = ""

    def read(self, data: bytes) -> tuple[bytes, list[str]]:
        """Return the messages that are complete, and the commits among them."""
        self._buffer += data
        end, commits = 0, []
        while size := self._size(end):
            if commit := self._commit(self._buffer[end : end + size]):
                commits.append(commit)
            end += size
        complete, self._buffer = self._buffer[:end], self._buffer[end:]
        return complete, commits

    def _size(self, start: int) -> int:
        """Return the length of the message that starts there, 0 until it is complete."""
        untyped = start + self._begun
        head = self._buffer[untyped : untyped + 4]
        size = int.from_bytes(head) + self._begun
        return size if len(head) == 4 and start + size <= len(self._buffer) else 0

    def _commit(self, message: bytes) -> str | None:
        """Return the statement that this message executes, if that commits."""
        if not self._begun:
            self._begun = int.from_bytes(message[4:6]) == _PROTOCOL
            return None
        kind, content = message[:1], message[5:]
        if kind == b"P":
            name, query, _ = content.split(b"\0", 2)
            self._prepared[name] = query.decode()
        elif kind == b"B":
            self._bound = self._prepared[content.split(b"\0", 2)[1]]
        elif kind == b"E":
            return self._executed(self._bound)
        elif kind == b"Q":
            return self._executed(content[:-1].decode())
        return None

    def _executed(self, statement: str) -> str | None:
        match statement.split(maxsplit=1)[:1]:
            case ["BEGIN"]:
                self._in_transaction = True
            case [word] if word == COMMIT:
                self._in_transaction = False
                return COMMIT
            case ["ROLLBACK"]:
                self._in_transaction = False
            case _ if not self._in_transaction and _WRITES.search(statement):
                return statement
        return None


class _Session(BaseRequestHandler):
    server: LossyProxy

    def handle(self) -> None:
        client: socket.socket = self.request
        messages = _Messages()
        with socket.create_connection(("127.0.0.1", self.server.upstream)) as database, suppress(OSError):
            lost = Event()
            replies = Thread(target=_forward, args=(database, client, lost), daemon=True)
            replies.start()
            while not lost.is_set() and (data := client.recv(65_536)):
                complete, commits = messages.read(data)
                if any([self.server.loses_reply(commit) for commit in commits]):
                    lost.set()
                database.sendall(complete)
            if lost.is_set():
                database.shutdown(socket.SHUT_WR)  # PostgreSQL executes what it has received, then ends the session
                replies.join(10)


def _forward(database: socket.socket, client: socket.socket, lost: Event) -> None:
    with suppress(OSError):
        while data := database.recv(65_536):
            if not lost.is_set():
                client.sendall(data)
        client.shutdown(socket.SHUT_RDWR)


@contextmanager
def lossy_proxy(url: URL, rule: Rule) -> Iterator[tuple[LossyProxy, str]]:
    """Run a proxy to a database on loopback; yield it with the URL of the database through it."""
    assert url.port
    with LossyProxy(url.port, rule) as proxy:
        thread = Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy, url.set(port=proxy.port).render_as_string(hide_password=False)
        finally:
            proxy.shutdown()
            thread.join()
