"""Callbacks go to public addresses only, however the address is written."""

from __future__ import annotations

from typing import Any

import pytest

from harkara.callbacks.address import is_public
from harkara.callbacks.connector import Blocked, NoResponse
from harkara.callbacks.endpoint import Endpoint, Responded
from tests.integration.callbacks.application import SECRET, Application, listening

BODY = b'{"type":"message.accepted","timestamp":"2026-11-26T10:00:00.000+00:00","data":{}}'


def post(url: str, **options: Any) -> Any:
    return Endpoint(url, SECRET, **options).post("msg_1", BODY)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fec0::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::1", "64:ff9b::a00:1",
        "64:ff9b::a9fe:a9fe", "2001:db8::1", "2001:0:53aa:64c:0:0:80ff:fffe",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_blocked(address: str) -> None:
    assert not is_public(address)
    blocked = post("https://app.example.com/", resolve=lambda *_: ["93.184.215.14", address])
    assert isinstance(blocked, Blocked)
    assert "HARKARA_CALLBACK_PRIVATE" in blocked.reason


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]"])
def test_this_machine_is_blocked_in_every_spelling(host: str) -> None:
    response = post(f"https://{host}/")
    assert isinstance(response, Blocked | NoResponse)
    if isinstance(response, NoResponse):
        assert response.reason == "the host name cannot be resolved"


def test_the_host_is_resolved_once_and_the_checked_address_is_the_one_that_is_used() -> None:
    resolved: list[str] = []

    def rebind(host: str, _: int) -> list[str]:
        resolved.append(host)
        return ["127.0.0.1"] if len(resolved) == 1 else ["127.0.0.2"]

    with listening(Application()) as application:
        url = f"http://app.invalid:{application.port}/callbacks"
        assert post(url, private=True, resolve=rebind) == Responded(204)
    assert resolved == ["app.invalid"]
    assert application.headers[0]["host"] == f"app.invalid:{application.port}"


def test_the_next_address_is_tried_when_one_accepts_no_connection() -> None:
    with listening(Application()) as application:
        url = f"http://app.invalid:{application.port}/"
        assert post(url, private=True, resolve=lambda *_: ["127.0.0.3", "127.0.0.1"]) == Responded(204)
