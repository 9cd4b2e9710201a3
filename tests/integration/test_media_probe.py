"""A probe says what is wrong with the file behind a media link, over the connector that guards addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from harkara.callbacks.connector import Connector
from harkara.media_probe import probe
from harness.ports import free_port
from tests.certificates import self_signed
from tests.integration.callbacks.application import http_server

HOST = "cdn.example.com"
JPEG = {"Content-Type": "image/jpeg", "Content-Length": "120000"}


@dataclass
class Host:
    """A server with TLS that answers by path; an answer for `GET /path` is for GET alone."""

    answers: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    port: int = 0
    certificate: Path | None = None

    def link(self, path: str) -> str:
        return f"https://{HOST}:{self.port}{path}"

    def probe(self, path: str, kind: str = "image") -> str | None:
        connector = Connector(
            private=True, seconds=5, resolve=lambda *_: ["127.0.0.1"], ca_bundle=str(self.certificate)
        )
        return probe(kind, self.link(path), connector)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"), f"DNS:{HOST}")


@pytest.fixture
def host(certificate: Path) -> Iterator[Host]:
    with serving(Host(certificate=certificate)) as host:
        yield host


@contextmanager
def serving(host: Host) -> Iterator[Host]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer("HEAD")

        def do_GET(self) -> None:
            self.answer("GET")

        def answer(self, method: str) -> None:
            host.requests.append(f"{method} {self.path} {self.headers.get('Range', '')}".strip())
            known = host.answers.get(f"{method} {self.path}") or host.answers.get(self.path) or (404, {})
            self.send_response(known[0])
            for name, value in known[1].items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http_server(Handler, 0, host.certificate) as host.port:
        yield host


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("image", JPEG),
        ("image", {"Content-Type": "image/png; charset=binary"}),
        ("image", {"Content-Type": "IMAGE/JPEG", "Content-Length": "5000000"}),
        ("document", {"Content-Type": "application/pdf", "Content-Length": "99000000"}),
        ("audio", {"Content-Type": "audio/ogg", "Content-Length": "1"}),
        ("sticker", {"Content-Type": "image/webp", "Content-Length": "500000"}),
    ],
)
def test_a_file_that_whatsapp_takes_has_no_problem(host: Host, kind: str, headers: dict[str, str]) -> None:
    host.answers["/a"] = (200, headers)
    assert host.probe("/a", kind) is None
    assert host.requests == ["HEAD /a"]


@pytest.mark.parametrize(
    ("kind", "headers", "problem"),
    [
        ("image", JPEG | {"Content-Length": "5000001"}, "it has 5,000,001 bytes; at most 5,000,000 are allowed"),
        ("video", {"Content-Type": "video/mp4", "Content-Length": "16000001"}, "it has 16,000,001 bytes; at most 16"),
        ("sticker", {"Content-Type": "image/webp", "Content-Length": "500001"}, "it has 500,001 bytes; at most 500,"),
        ("image", JPEG | {"Content-Length": "0"}, "it is empty"),
        ("image", {"Content-Type": "text/html"}, "its content type is text/html; it must be image/jpeg, image/png"),
        ("image", {"Content-Type": "binary/octet-stream"}, "its content type is binary/octet-stream; it must be"),
        ("image", {}, "its content type is missing; it must be image/jpeg"),
        ("document", {"Content-Type": "image/jpeg"}, "its content type is image/jpeg; it must be application/pdf"),
    ],
)
def test_a_file_that_whatsapp_refuses_has_its_problem(
    host: Host, kind: str, headers: dict[str, str], problem: str
) -> None:
    host.answers["/a"] = (200, headers)
    found = host.probe("/a", kind)
    assert found is not None
    assert found.startswith(problem)


def test_a_link_that_is_signed_for_get_alone_is_read_by_get(host: Host) -> None:
    host.answers["HEAD /a?X-Amz-Signature=ab"] = (403, {})
    part = {"Content-Type": "image/jpeg", "Content-Length": "1", "Content-Range": "bytes 0-0/6000000"}
    host.answers["GET /a?X-Amz-Signature=ab"] = (206, part)
    assert host.probe("/a?X-Amz-Signature=ab") == "it has 6,000,000 bytes; at most 5,000,000 are allowed"
    assert host.requests == ["HEAD /a?X-Amz-Signature=ab", "GET /a?X-Amz-Signature=ab bytes=0-0"]


def test_a_missing_file_and_an_unreachable_host_are_problems(host: Host) -> None:
    assert host.probe("/none") == "its host responds with HTTP 404"
    host.answers["/a"] = (500, {})
    assert host.probe("/a") == "its host responds with HTTP 500"
    assert probe("image", f"https://127.0.0.1:{free_port()}/a", Connector(private=True)) == "the connection was refused"


def test_a_redirect_is_followed_a_few_times(host: Host) -> None:
    host.answers["/a"] = (302, {"Location": "/b"})
    host.answers["/b"] = (200, JPEG)
    assert host.probe("/a") is None
    host.answers["/b"] = (302, {"Location": "/a"})
    assert host.probe("/a") == "it redirects more than 3 times"


@pytest.mark.parametrize("to", ["http://cdn.example.com/a", "https://127.0.0.1/a", "https://169.254.169.254/latest"])
def test_a_redirect_to_a_place_that_is_not_public_is_not_followed(host: Host, to: str) -> None:
    host.answers["/a"] = (302, {"Location": to})
    found = host.probe("/a")
    assert found is not None
    assert found.startswith("it redirects to a link that must")
    assert host.requests == ["HEAD /a"]


def test_a_host_with_a_private_address_gets_no_request(host: Host) -> None:
    connector = Connector(resolve=lambda *_: ["127.0.0.1"], ca_bundle=str(host.certificate))
    assert probe("image", host.link("/a"), connector) == "the host has a private address"
    assert host.requests == []
