"""One URL of Redis has one meaning for each client library, and nothing in the environment replaces it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import redis

from config.redis_celery import RedisCelery
from harkara import Client
from harkara.backends.broker import ACCEPT, Broker
from harkara.errors import Invalid, Unavailable
from harkara.intake.producer import STREAM
from harkara.redis_address import RedisAddress, Sentinels
from harkara.redis_client import connect
from harness.ports import free_port
from harness.python import run_code
from harness.valkey import ValkeyServer, valkey
from tests.certificates import self_signed
from tests.integration.tls_front import tls_front

TO = "9876543210"
PASSWORD = "p@ss/w:rd?#%20"
VARIABLES = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_RESULT_BACKEND")


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    with valkey() as running:
        yield running


def send(url: str) -> None:
    with Client(url, seconds=5) as client:
        client.send("hello", to=TO)


def kept(
    server: ValkeyServer, db: int = 0, username: str | None = None, password: str | None = None
) -> tuple[int, int]:
    """How many messages the intake has in this database, and how many wake-ups."""
    with redis.Redis(port=server.port, db=db, username=username, password=password) as connection:
        return connection.xlen(STREAM), connection.llen(ACCEPT)


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_message_and_wake_up_go_to_the_same_database(server: ValkeyServer, scheme: str) -> None:
    send(f"{scheme}://127.0.0.1:{server.port}/3")
    send(f"{scheme}://127.0.0.1:{server.port}?db=4")
    assert [kept(server, db) for db in (3, 4, 0)] == [(1, 1), (1, 1), (0, 0)]


def test_a_password_may_have_any_character(server: ValkeyServer) -> None:
    with connect(server.url, seconds=30) as admin:
        admin.acl_setuser("app", enabled=True, passwords=[f"+{PASSWORD}"], commands=["+@all"], keys=["*"])
        admin.acl_setuser("default", enabled=False)
    send(f"redis://app:{quote(PASSWORD, safe='')}@localhost:{server.port}/0")
    assert kept(server, username="app", password=PASSWORD) == (1, 1)


def test_a_unix_socket_has_the_form_of_either_library(tmp_path: Path) -> None:
    path = tmp_path / "valkey.sock"
    with valkey(unixsocket=str(path)) as server:
        send(f"unix://{path}?db=2")
        send(f"redis+socket://{path}?virtual_host=2")
        assert kept(server, db=2) == (2, 1)  # the first wake-up is for the second message, too


def test_options_are_those_of_both_libraries(server: ValkeyServer) -> None:
    """A producer uses redis-py and a worker kombu, too."""
    url = f"{server.url}?health_check_interval=30&client_name=shop"
    with Client(url, seconds=5) as client, connect(server.url, seconds=30) as admin:
        client.send("hello", to=TO)
        own = [each["name"] for each in admin.client_list()].count("shop")
        broker = Broker.at(url)
        broker.notify_webhooks()
        assert 1 <= own < [each["name"] for each in admin.client_list()].count("shop")
        broker.close()
    assert kept(server) == (1, 1)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path, "IP:127.0.0.1")


@pytest.fixture
def tls_port(server: ValkeyServer, certificate: Path) -> Iterator[int]:
    with tls_front(server.port, certificate) as port:
        yield port


@pytest.mark.parametrize("word", ["none", "CERT_NONE", "None"])
@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
def test_either_word_turns_verification_off_for_both(
    server: ValkeyServer, tls_port: int, scheme: str, word: str
) -> None:
    send(f"{scheme}://127.0.0.1:{tls_port}/0?ssl_cert_reqs={word}")
    assert kept(server) == (1, 1)


def test_without_a_word_both_verify(server: ValkeyServer, tls_port: int, certificate: Path) -> None:
    url = f"rediss://127.0.0.1:{tls_port}/0"
    with pytest.raises(Unavailable):
        send(url)
    broker = Broker.at(url)
    with pytest.raises(Unavailable):
        broker.notify_webhooks()
    broker.close()
    assert kept(server) == (0, 0)
    send(f"{url}?ssl_ca_certs={quote(str(certificate))}")
    assert kept(server) == (1, 1)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("127.0.0.1:6379", "must begin with redis://, valkey://, rediss://, valkeys://, unix://, redis"),
        ("amqp://localhost//", "must begin with redis://"),
        ("sentinel://localhost:26379/0", "must name the service that the sentinels monitor"),
        ("sentinel://localhost:26379", "must name the service that the sentinels monitor, for example sentinel://"),
        ("sentinel://a,,b/mymaster", "must name each sentinel"),
        ("sentinel://a:1,b:swordfish/mymaster", "must be a URL such as"),
        ("sentinel://a,b/mymaster/swordfish", "must end with the number of a database"),
        ("sentinel://a,b/mymaster?ssl_cert_reqs=none", "or rediss+sentinel://"),
        ("redis://a/0?sentinel_password=swordfish", "has options of sentinels, which need sentinel://"),
        ("redis://localhost:70000/0", "must be a URL such as redis://:password@127.0.0.1:6379/0"),
        ("redis://localhost/harkara", "must end with the number of a database"),
        ("redis://a:6379,b:6379/0", "must be a URL such as"),
        ("redis://a,b/0", "must name one server"),
        ("redis://:swordfish#1@localhost/0", "%23"),
        ("redis://:1#swordfish@localhost/0", "%23"),
        ("redis://:1/swordfish@localhost/0", "must end with the number of a database"),
        ("redis://local host/0", "must not contain spaces"),
        ("redis://localhost/0?socket_timeout=9", "socket_timeout is an option that Harkara sets itself: leave it out"),
        ("redis://localhost/0?helth_check_interval=3", "did you mean health_check_interval?"),
        ("redis://localhost/0?health_check_interval=swordfish", "health_check_interval must be a whole number"),
        ("redis://localhost/0?ssl_cert_reqs=none", "which need rediss:// or valkeys://"),
        ("rediss://localhost/0?ssl_cert_reqs=swordfish", "ssl_cert_reqs must be required, optional or none"),
        ("rediss://localhost/0?ssl_check_hostname=swordfish", "ssl_check_hostname must be true or false"),
        ("rediss://localhost/0?ssl_ca_certs=/swordfish.pem", "ssl_ca_certs names a file that does not exist"),
        ("redis://localhost/0?swordfish=1", "has an option that Harkara does not know; it may have db, client_name"),
        ("unix://var/valkey.sock", "must name the socket by its absolute path"),
        ("unix://", "must name the socket by its absolute path"),
    ],
)
def test_what_cannot_be_read_is_refused_when_the_client_is_made(url: str, rule: str) -> None:
    for database in (None, "sqlite:///:memory:"):
        with pytest.raises(Invalid) as error:
            Client(url, database_url=database)
        assert rule in str(error.value)
        assert "swordfish" not in str(error.value)


def test_a_url_of_sentinels_has_one_service_and_a_login_for_each_kind_of_server() -> None:
    address = RedisAddress.parse("redis+sentinel://me:p%2Fw@a,[::1]:5,b:26380/my%20one/2?sentinel_username=s&db=3")
    assert address.sentinels == Sentinels("my one", (("a", 26379), ("::1", 5), ("b", 26380)), {"username": "s"})
    assert (address.username, address.password, address.db) == ("me", "p/w", 3)


def test_an_address_does_not_show_its_secrets() -> None:
    for url in (
        "rediss://:swordfish@localhost/0?ssl_password=swordfish",
        "sentinel://:swordfish@localhost/mymaster?sentinel_password=swordfish",
    ):
        shown = repr(RedisAddress.parse(url))
        assert "localhost" in shown
        assert "swordfish" not in shown


def test_the_celery_of_the_application_gets_none_of_the_wake_ups(
    server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with valkey() as other:
        for name in VARIABLES:
            monkeypatch.setenv(name, other.url)
        monkeypatch.setenv("CELERY_CONFIG_MODULE", "no_such_module")
        monkeypatch.setenv("CELERY_LOADER", "no_such_module:Loader")
        send(server.url)
        with RedisCelery("test", server.url, {}, set_as_current=False) as app:
            assert type(app.backend).__name__ == "DisabledBackend"
            assert app.connection().port == server.port
        assert kept(server) == (1, 1)
        with redis.Redis(port=other.port) as connection:
            assert connection.dbsize() == 0


def test_a_message_is_kept_once_even_if_its_wake_up_fails(server: ValkeyServer) -> None:
    """Another program has taken the key of the queue, for example: the workers read the intake a second later."""
    with connect(server.url, seconds=30) as admin:
        admin.set(ACCEPT, "taken")
        send(server.url)
        assert admin.xlen(STREAM) == 1


def test_a_broken_celery_of_the_application_does_not_matter(
    server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "celery", None)
    send(server.url)
    assert kept(server) == (1, 1)


def test_the_processes_of_a_deployment_use_its_redis_alone(server: ValkeyServer, tmp_path: Path) -> None:
    """CELERY_WORKER_POOL is the variable of `celery worker --pool`, which the command reads after the app."""
    with valkey() as other:
        settings = {
            "HARKARA_REDIS_URL": server.url,
            "HARKARA_VAR": str(tmp_path),
            "HARKARA_ENV_FILE": os.devnull,
            "CELERY_CONFIG_MODULE": "no_such_module",
            "CELERY_WORKER_POOL": "prefork",
            **dict.fromkeys(VARIABLES, other.url),
        }
        code = """
import os
from config.celery_app import app
app.send_task("harkara.accept", queue="harkara.accept")
with app.connection_for_read() as connection:
    connection.default_channel.client.ping()
print([name for name in os.environ if name.startswith("CELERY_")])
"""
        assert python(code, settings).stdout == "[]\n"
        assert kept(server) == (0, 1)
        with redis.Redis(port=other.port) as connection:
            assert connection.dbsize() == 0


def test_a_wrong_url_stops_the_start_with_the_name_of_the_variable() -> None:
    url = f"redis://:swordfish@127.0.0.1:{free_port()}/0?timeout=3"
    settings = {"HARKARA_REDIS_URL": url, "HARKARA_ENV_FILE": os.devnull}
    ended = python("from config.settings import settings; settings()", settings)
    assert ended.returncode == 1
    assert ended.stderr.startswith("The settings are not understood. HARKARA_REDIS_URL: timeout is an option that")
    assert "swordfish" not in ended.stderr


def python(code: str, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return run_code(code, os.environ | settings)
