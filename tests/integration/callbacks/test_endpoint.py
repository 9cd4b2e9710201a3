"""A POST to the application gives a response or a reason, within its timeout, and reveals no secret."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from harkara.callbacks.connector import NoResponse
from harkara.callbacks.endpoint import Endpoint, Responded
from harkara.errors import Invalid
from harness.ports import free_port
from tests.certificates import self_signed
from tests.integration.callbacks.application import SECRET, Application, listening, raw_server
from tests.integration.chatmitra.socket_server import read_request

BODY = b'{"type":"message.accepted","timestamp":"2026-11-26T10:00:00.000+00:00","data":{"reference":"\xe0\xa4\xa8"}}'


def post(url: str, **options: Any) -> Any:
    return Endpoint(url, SECRET, **{"private": True} | options).post("msg_1", BODY)


def test_a_closed_port_and_an_unknown_host_give_no_response() -> None:
    assert post(f"http://127.0.0.1:{free_port()}/") == NoResponse("the connection was refused")

    def fail(*_: Any) -> list[str]:
        raise socket.gaierror

    assert post("http://app.invalid/", resolve=fail) == NoResponse("the host name cannot be resolved")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [(b"", "the connection broke off"), (b"220 smtp.example.com ESMTP\r\n\r\n", "the response is not HTTP")],
)
def test_anything_but_http_gives_no_response(sent: bytes, reason: str) -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(sent)

    with raw_server(handle) as url:
        assert post(url) == NoResponse(reason)


@pytest.mark.parametrize("drip", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "], ids=["silent", "dripping"])
def test_the_timeout_is_for_the_whole_response(drip: bytes) -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(drip)
        end = time.monotonic() + 60
        while drip and time.monotonic() < end:
            try:
                connection.sendall(b"x")
            except OSError:
                return
            time.sleep(0.05)
        connection.recv(1)

    began = time.monotonic()
    with raw_server(handle) as url:
        assert post(url, seconds=0.5) == NoResponse("no response within 0.5 s")
        assert time.monotonic() - began < 30


def test_only_the_headers_of_an_endless_response_are_read() -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        connection.recv(1)

    with raw_server(handle) as url:
        assert post(url) == Responded(200)


def test_the_secret_is_not_sent_and_cookies_proxies_and_netrc_are_ignored(
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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"), "DNS:app.invalid")


def test_tls_is_verified_for_the_host_name_and_not_for_the_address(certificate: Path) -> None:
    with listening(Application(), certificate=certificate) as application:
        local: dict[str, Any] = {"resolve": lambda *_: ["127.0.0.1"], "ca_bundle": str(certificate)}
        assert post(f"https://app.invalid:{application.port}/", **local) == Responded(204)
        failed = NoResponse("TLS failed: check that the certificate is valid for this host name")
        assert post(f"https://other.invalid:{application.port}/", **local) == failed
        assert post(f"https://app.invalid:{application.port}/", **local | {"ca_bundle": None}) == failed
    assert application.refused == 0
    assert len(application.payloads) == 1


@pytest.mark.parametrize(
    "url", ["app.example.com/x", "ftp://app.example.com/", "http://app.example.com/", "https://", "https://a:b@c.com/",
            "https://app.example.com:x/", "https://app.example.com/a b", "https://अ.example.com/"],
)  # fmt: skip
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="url: must"):
        Endpoint(url, SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", SECRET.removeprefix("whsec_")])
def test_an_invalid_secret_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(Invalid) as refused:
        Endpoint("https://app.example.com/", secret)
    assert str(refused.value) == "secret: must be whsec_ and the base64 of 24 to 64 random bytes"
