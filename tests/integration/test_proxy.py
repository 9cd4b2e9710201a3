"""Caddy, with the file of this deployment: it serves the webhooks, and the client's own address goes with them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from harness.http_server import HttpServer
from harness.ports import free_port
from harness.process import ROOT, Process
from harness.waiting import wait_until

CADDYFILE = ROOT / "deploy" / "caddy" / "Caddyfile"


class Api(BaseHTTPRequestHandler):
    """Stands for the process `web`, and answers with the client's address as Caddy passes it on."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.headers["X-Forwarded-For"]).encode())

    def log_message(self, *_: object) -> None:
        """Write no line for each request."""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Caddy that serves the webhooks and /send_message without TLS."""
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("no caddy on this machine")
    folder = tmp_path_factory.mktemp("caddy")
    address = f"http://127.0.0.1:{free_port()}"
    with HttpServer(("127.0.0.1", 0), Api) as api:
        Thread(target=api.serve_forever, daemon=True).start()
        file = folder / "Caddyfile"
        file.write_text(CADDYFILE.read_text().replace("web:8000", f"127.0.0.1:{api.server_port}"))
        settings = {"DOMAIN": address, "PUBLIC_PATHS": "/webhooks/* /send_message"}
        own = {"CADDY_ADMIN": f"unix/{folder / 'admin'}", "HOME": str(folder), "PATH": os.environ["PATH"]}
        process = Process.start("caddy", [caddy, "run", "--config", str(file)], settings | own, folder)
        try:
            process.wait_for_output("serving initial configuration")
            wait_until(lambda: post(f"{address}/webhooks/ready")[0] == 200, 30, "Caddy serves", details=process.output)
            yield address
            process.terminate()
        finally:
            process.kill()
            api.shutdown()


@pytest.mark.parametrize("path", ["/webhooks/chatmitra", "/send_message"])
def test_a_public_path_reaches_the_http_api_without_the_address_that_the_client_claims(proxy: str, path: str) -> None:
    assert post(f"{proxy}{path}") == (200, "127.0.0.1")


@pytest.mark.parametrize("path", ["/messages/job_1", "/metrics", "/docs", "/webhooks", "/send_message/more"])
def test_no_other_path_is_served(proxy: str, path: str) -> None:
    assert post(f"{proxy}{path}")[0] == 404


def test_the_file_is_in_the_form_that_caddy_gives_it() -> None:
    text = CADDYFILE.read_text()
    assert text.endswith("}\n")
    assert text.count("{") == text.count("}")
    assert [line for line in text.splitlines() if line.startswith(" ") or len(line) > 120] == []


def post(url: str) -> tuple[int, str]:
    request = Request(url, b"{}", {"X-Forwarded-For": "203.0.113.9"})
    try:
        with urlopen(request) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, ""
    except OSError:  # it does not listen yet
        return 0, ""
