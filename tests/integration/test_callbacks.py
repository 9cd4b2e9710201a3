"""Callbacks over real sockets: signed, brought again until they are taken, and never where they must not go."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import pytest
from sqlalchemy import update
from standardwebhooks import Webhook, WebhookVerificationError

from harkara.callbacks.address import is_public
from harkara.callbacks.delivery import CallbackDelivery
from harkara.callbacks.endpoint import Blocked, Endpoint, NoResponse, Responded
from harkara.errors import Invalid
from harkara.ledger import migrate
from harkara.ledger.callbacks.dead_callbacks import count_callbacks
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.database import Database, Row
from harkara.ledger.tables import callback
from harness.ports import free_port
from tests.certificates import self_signed
from tests.integration.ledger.steps import reply, send_message
from tests.integration.test_chatmitra import request

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"message.accepted","timestamp":"2026-11-26T10:00:00.000+00:00","data":{"reference":"\xe0\xa4\xa8"}}'
DATA = {"id": "evt_1", "text": "नमस्ते"}


# A receiver


@dataclass
class Application:
    """Verifies what comes with the library that applications use, and answers as it is told to."""

    answers: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (204, {})
    slow: float = 0.0
    heard: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refused: int = 0
    under_way: int = 0
    most_at_once: int = 0
    port: int = 0
    lock: Lock = field(default_factory=Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hear?from=harkara"

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        with self.lock:
            number = self._hear({name.lower(): value for name, value in handler.headers.items()}, body, handler.path)
        time.sleep(self.slow)
        with self.lock:
            self.under_way -= 1
        status, more = self.answers(number)
        handler.send_response(status)
        for name, value in more.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def _hear(self, headers: dict[str, str], body: bytes, path: str) -> int:
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            self.heard.append(Webhook(SECRET).verify(body, headers))
        except WebhookVerificationError:
            self.refused += 1
        self.ids.append(headers["webhook-id"])
        self.headers.append(headers | {"path": path})
        return len(self.ids)


@contextmanager
def listening(application: Application, *, certificate: Path | None = None) -> Iterator[Application]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            application.take(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", application.port), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    application.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield application
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a server that does what it likes with its one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                handle(connection)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(timeout=10)


# A ledger and its courier


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database(database_url, callbacks_enabled=True)
    migrate.upgrade(database)
    yield database
    database.close()


def courier(db: Database, url: str, told: Counter[str] | None = None) -> CallbackDelivery:
    count = Counter[str]() if told is None else told
    return CallbackDelivery(db, Endpoint(url, SECRET, private=True), on_results=count.update)


def say(db: Database, number: int = 1) -> None:
    with db.write() as tx:
        for n in range(number):
            notify(tx, "message.received", "default", f"evt_{n}", DATA)


def later(db: Database, seconds: float) -> None:
    with db.write() as tx:
        for row in tx.rows(callback.select()):
            past = {name: row[name] - timedelta(seconds=seconds) for name in ("due_at", "expires_at", "created_at")}
            tx.execute(update(callback).where(callback.c.id == row["id"]).values(**past))


def now(db: Database) -> datetime:
    """Now, as the database has it."""
    with db.read() as tx:
        return tx.now


def rows(db: Database) -> list[Row]:
    with db.read() as tx:
        return tx.rows(callback.select().order_by(callback.c.id))


def until(done: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


# Delivery


def test_the_application_hears_what_it_can_verify(db: Database) -> None:
    identity = send_message(db, reply(reference="order-1042"))
    say(db)
    told: Counter[str] = Counter()
    with listening(Application()) as application:
        assert courier(db, application.url, told).round() == Counter(delivered=2)
    state, received = sorted(application.heard, key=lambda each: str(each["type"]))
    assert (state["type"], state["data"]["id"], state["data"]["state"]) == ("message.accepted", identity, "accepted")
    assert (received["type"], received["data"]) == ("message.received", DATA)
    assert all(datetime.fromisoformat(each["timestamp"]).utcoffset() == timedelta(0) for each in application.heard)
    assert application.refused == 0
    assert {each["path"] for each in application.headers} == {"/hear?from=harkara"}
    assert {each["host"] for each in application.headers} == {f"127.0.0.1:{application.port}"}
    assert [(row["state"], row["data"]) for row in rows(db)] == [("delivered", None)] * 2
    assert told == Counter(delivered=2)


def test_one_that_fails_comes_again_by_its_first_id_with_growing_pauses_until_it_is_taken(db: Database) -> None:
    say(db)
    pauses = []
    with listening(Application(lambda n: (500, {}) if n < 4 else (200, {}))) as application:
        for expected in (5, 30, 120):
            assert courier(db, application.url).round() == Counter(failed=1)
            (row,) = rows(db)
            pauses.append((row["due_at"] - now(db)).total_seconds() / expected)
            assert (row["reason"], row["status"]) == ("HTTP 500", 500)
            assert courier(db, application.url).round() == Counter()
            later(db, expected * 1.3)
        assert courier(db, application.url).round() == Counter(delivered=1)
    assert len(application.ids) == 4
    assert len(set(application.ids)) == 1
    assert len({each["data"]["id"] for each in application.heard}) == 1
    assert all(0.8 <= pause < 1.3 for pause in pauses)


def test_after_a_day_it_is_dead_and_keeps_what_it_would_tell(db: Database) -> None:
    say(db)
    later(db, 86_400 - 3)
    told: Counter[str] = Counter()
    with listening(Application(lambda _: (500, {}))) as application:
        assert courier(db, application.url, told).round() == Counter(dead=1)
    (row,) = rows(db)
    assert (row["state"], row["reason"], json.loads(row["data"])) == ("dead", "HTTP 500", DATA)
    assert told == counts_of(db) == Counter(dead=1)


def counts_of(db: Database) -> Counter[str]:
    return +Counter(count_callbacks(db))


def test_gone_is_dead_at_once(db: Database) -> None:
    say(db)
    with listening(Application(lambda _: (410, {}))) as application:
        assert courier(db, application.url).round() == Counter(dead=1)


def test_a_redirect_is_not_followed(db: Database) -> None:
    say(db)
    with listening(Application()) as elsewhere:
        there = {"Location": elsewhere.url}
        with listening(Application(lambda _: (307, there))) as application:
            assert courier(db, application.url).round() == Counter(failed=1)
    assert elsewhere.ids == []
    assert rows(db)[0]["reason"] == "HTTP 307: redirects are not followed"


@pytest.mark.parametrize("status", [429, 503])
def test_an_application_that_asks_for_time_is_left_alone(db: Database, status: int) -> None:
    say(db, 3)
    with listening(Application(lambda _: (status, {"Retry-After": "900"}), slow=0.05)) as application:
        one = courier(db, application.url)
        one.round()
        asked = len(application.ids)
        say(db)
        assert one.round() == Counter()
        assert len(application.ids) == asked
    waits = [(row["due_at"] - row["created_at"]).total_seconds() for row in rows(db) if row["tries"]]
    assert all(wait >= 900 for wait in waits)


def test_a_slow_application_costs_no_more_than_its_own_hands(db: Database) -> None:
    say(db, 20)
    with listening(Application(slow=0.1)) as application:
        assert courier(db, application.url).round() == Counter(delivered=20)
    assert 1 < application.most_at_once <= 8


def test_an_application_that_fails_is_probed_by_one_and_recovers(db: Database) -> None:
    say(db, 100)
    with listening(Application(lambda _: (500, {}))) as application:
        one = courier(db, application.url)
        assert one.round().total() <= 11  # three in a row, and what was under way beside them
        before = len(application.ids)
        assert one.round() == Counter()
        until(lambda: one.round().total() > 0)
        assert len(application.ids) == before + 1
        assert [row["state"] for row in rows(db)] == ["waiting"] * 100
        assert sum(row["tries"] for row in rows(db)) == before + 1
        application.answers = lambda _: (204, {})
        later(db, 60)
        until(lambda: one.round().total() == 100, 15)
    assert count_callbacks(db) == {"waiting": 0, "dead": 0}
    assert sorted(set(application.ids)) == [row["id"] for row in rows(db)]


def test_one_callback_that_is_refused_holds_up_no_other(db: Database) -> None:
    say(db, 30)
    with listening(Application(lambda n: (400, {}) if n == 2 else (200, {}))) as application:
        assert courier(db, application.url).round() == Counter(delivered=29, failed=1)


def test_two_workers_at_once_deliver_each_one_once(db: Database) -> None:
    say(db, 60)
    with listening(Application(slow=0.01)) as application, ThreadPoolExecutor(2) as workers:
        done = workers.map(lambda _: courier(db, application.url).round(), range(2))
        assert sum((each for each in done), Counter()) == Counter(delivered=60)
    assert Counter(application.ids) == Counter(row["id"] for row in rows(db))


def test_a_worker_that_was_stopped_leaves_the_rest_to_the_next(db: Database) -> None:
    say(db, 30)
    began = Event()

    def answers(_: int) -> tuple[int, dict[str, str]]:
        began.set()
        return 200, {}

    with listening(Application(answers, slow=0.2)) as application, ThreadPoolExecutor(1) as worker:
        first = courier(db, application.url)
        round_ = worker.submit(first.round)
        began.wait(10)
        first.stop()
        assert round_.result().total() < 30
        assert courier(db, application.url).round().total() + round_.result().total() == 30
    assert len(application.ids) == 30


def test_what_a_killed_worker_had_is_brought_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'harkara.db'}"
    db = Database(url, callbacks_enabled=True)
    migrate.upgrade(db)
    say(db)
    with listening(Application(slow=1.0)) as application:
        script = (
            "from harkara.callbacks.delivery import CallbackDelivery\n"
            "from harkara.callbacks.endpoint import Endpoint\n"
            "from harkara.ledger.database import Database\n"
            f"endpoint = Endpoint({application.url!r}, {SECRET!r}, private=True)\n"
            f"CallbackDelivery(Database({url!r}), endpoint, on_results=print).round()"
        )
        worker = subprocess.Popen([sys.executable, "-c", script])
        try:
            until(lambda: application.under_way == 1, 30)
        finally:
            worker.kill()
            worker.wait()
        until(lambda: application.under_way == 0)
        application.slow = 0.0
        assert courier(db, application.url).round() == Counter()
        later(db, 61)
        assert courier(db, application.url).round() == Counter(delivered=1)
    assert Counter(application.ids) == Counter({rows(db)[0]["id"]: 2})
    db.close()


# The wall


def post(url: str, **options: Any) -> Any:
    return Endpoint(url, SECRET, **{"private": True} | options).post("msg_1", BODY)


def test_a_closed_port_and_a_name_that_is_none_are_unanswered() -> None:
    assert post(f"http://127.0.0.1:{free_port()}/") == NoResponse("the connection was refused")

    def nowhere(*_: Any) -> list[str]:
        raise socket.gaierror

    assert post("http://app.invalid/", resolve=nowhere) == NoResponse("the host name cannot be resolved")


@pytest.mark.parametrize(
    ("said", "reason"),
    [(b"", "the connection broke off"), (b"220 smtp.example.com ESMTP\r\n\r\n", "the response is not HTTP")],
)
def test_an_answer_that_is_none_is_unanswered(said: bytes, reason: str) -> None:
    def handle(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(said)

    with raw(handle) as url:
        assert post(url) == NoResponse(reason)


@pytest.mark.parametrize("drip", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "], ids=["silent", "dripping"])
def test_an_answer_has_its_time_as_a_whole(drip: bytes) -> None:
    def handle(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(drip)
        end = time.monotonic() + 2
        while drip and time.monotonic() < end:
            try:
                connection.sendall(b"x")
            except OSError:
                return
            time.sleep(0.05)
        connection.recv(1)

    began = time.monotonic()
    with raw(handle) as url:
        assert post(url, seconds=0.5) == NoResponse("no response within 0.5 s")
        assert time.monotonic() - began < 1.5


def test_of_an_endless_answer_only_the_head_is_read() -> None:
    def handle(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        connection.recv(1)

    with raw(handle) as url:
        assert post(url) == Responded(200)


def test_the_secret_is_not_sent_and_cookies_proxies_and_netrc_are_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with listening(Application(lambda _: (200, {"Set-Cookie": "a=b"}))) as application:
        endpoint = Endpoint(application.url, SECRET, private=True)
        assert [endpoint.post("msg_1", BODY) for _ in range(2)] == [Responded(200)] * 2
    assert application.refused == 0
    for headers in application.headers:
        assert {"authorization", "cookie"} & headers.keys() == set()
        assert SECRET not in str(headers)


# Where it may go


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fec0::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::1", "64:ff9b::a00:1",
        "64:ff9b::a9fe:a9fe", "2001:db8::1", "2001:0:53aa:64c:0:0:80ff:fffe",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_open_internet_is_barred(address: str) -> None:
    assert not is_public(address)
    answer = Endpoint("https://app.example.com/", SECRET, resolve=lambda *_: ["93.184.215.14", address]).post("m", BODY)
    assert isinstance(answer, Blocked)
    assert "HARKARA_CALLBACK_PRIVATE" in answer.reason


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_an_address_of_the_open_internet_is_not(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]"])
def test_this_machine_is_barred_however_it_is_spelled(host: str) -> None:
    answer = Endpoint(f"https://{host}/", SECRET).post("msg_1", BODY)
    assert isinstance(answer, Blocked | NoResponse)
    if isinstance(answer, NoResponse):
        assert answer.reason == "the host name cannot be resolved"


def test_the_name_is_asked_once_and_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    asked: list[str] = []

    def rebinding(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with listening(Application()) as application:
        url = f"http://app.invalid:{application.port}/hear"
        assert post(url, resolve=rebinding) == Responded(204)
    assert asked == ["app.invalid"]
    assert application.headers[0]["host"] == f"app.invalid:{application.port}"


def test_the_next_address_is_tried_when_one_takes_no_connection() -> None:
    with listening(Application()) as application:
        url = f"http://app.invalid:{application.port}/"
        assert post(url, resolve=lambda *_: ["127.0.0.3", "127.0.0.1"]) == Responded(204)


def test_what_is_barred_waits_with_the_reason_and_is_not_used_up(db: Database) -> None:
    say(db, 3)
    barred = Endpoint("https://app.example.com/", SECRET, resolve=lambda *_: ["10.0.0.7"])
    one = CallbackDelivery(db, barred, on_results=Counter[str]().update)
    later(db, 2 * 86_400)
    assert one.round() == Counter()
    found = rows(db)
    assert {(row["state"], row["tries"]) for row in found} == {("waiting", 0)}
    assert any("HARKARA_CALLBACK_PRIVATE" in (row["reason"] or "") for row in found)
    assert one.round() == Counter()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"), "DNS:app.invalid")


def test_tls_is_verified_for_the_name_and_not_for_the_address(certificate: Path) -> None:
    with listening(Application(), certificate=certificate) as application:
        here: dict[str, Any] = {"resolve": lambda *_: ["127.0.0.1"], "ca_bundle": str(certificate)}
        assert post(f"https://app.invalid:{application.port}/", **here) == Responded(204)
        failed = NoResponse("TLS failed: check that the certificate is valid for this host name")
        assert post(f"https://other.invalid:{application.port}/", **here) == failed
        assert post(f"https://app.invalid:{application.port}/", **here | {"ca_bundle": None}) == failed
    assert application.refused == 0
    assert len(application.heard) == 1


@pytest.mark.parametrize(
    "url", ["app.example.com/x", "ftp://app.example.com/", "http://app.example.com/", "https://", "https://a:b@c.com/",
            "https://app.example.com:x/", "https://app.example.com/a b", "https://अ.example.com/"],
)  # fmt: skip
def test_a_url_that_will_not_do_is_refused_at_once(url: str) -> None:
    with pytest.raises(Invalid, match="url: must"):
        Endpoint(url, SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", SECRET.removeprefix("whsec_")])
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(Invalid) as refused:
        Endpoint("https://app.example.com/", secret)
    assert str(refused.value) == "secret: must be whsec_ and the base64 of 24 to 64 random bytes"
