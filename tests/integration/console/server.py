"""The console on an HTTP server of its own, and clients that use it as browsers do."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.routing import Mount

from config.environment import ROOT
from harkara.assistant.rules import AssistantRules
from harkara.backends.ledger import LedgerBackend
from harkara.catalogue import Catalogue
from harkara.console import Console, mount
from harkara.console.passwords import Passwords
from harkara.gateway.addresses import behind_proxies
from harkara.gateway.middleware import RequestMiddleware
from harkara.lanes import Lane
from harkara.ledger.campaigns.create import CampaignSettings
from harkara.ledger.database import Database
from harkara.ledger.personal.receipt import erase_with_receipt
from harkara.ledger.users.acts import Actor
from harkara.ledger.users.users import add_user
from harkara.limits import Allowance
from harkara.money.prices import Prices
from harkara.occasions import ReminderPlan, Rules
from harkara.playbook import Playbook
from harkara.roles import Role
from harkara.shared_defaults import DEADLINES

BY = Actor("the test", "command")
PASSWORD = "correct horse battery"
TRUSTED = "127.0.0.1"
"""The proxy whose X-Forwarded-For and X-Forwarded-Proto count."""

_ZONE = ZoneInfo("Asia/Kolkata")


@dataclass(frozen=True)
class TestFiles:
    """The files of this repository, and two lanes."""

    __test__ = False
    lanes: Mapping[str, Lane]
    plan: ReminderPlan
    playbook: Playbook
    prices: Prices
    assistant: AssistantRules = field(default_factory=AssistantRules)


def _files() -> TestFiles:
    config = ROOT / "config"
    lanes = {name: Lane(name, "token", Allowance(60, 60.0), zone=_ZONE) for name in ("default", "shop")}
    catalogue = Catalogue.load(config / "templates.toml")
    plan = ReminderPlan.from_lanes(Rules.load(config / "reminders.toml"), catalogue, lanes)
    return TestFiles(lanes, plan, Playbook.load(config / "playbook.toml"), Prices.load(config / "prices.toml"))


FILES = _files()
CAMPAIGNS = CampaignSettings(FILES.plan.catalogue, FILES.lanes, FILES.prices, error_share=0.1, seconds=30 * 86_400.0)

_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


def console_of(db: Database, **other: Any) -> Console:
    defaults: dict[str, Any] = {
        "backend": LedgerBackend(db, None, deadlines=DEADLINES, queued_seconds=10, chunk=50),
        "files": lambda: FILES,
        "campaigns": lambda: CAMPAIGNS,
        "lanes": tuple(FILES.lanes),
        "zone": _ZONE,
        "session": timedelta(hours=12),
        "erase": lambda number, by: erase_with_receipt(db, number, "k" * 32, by),
        "passwords": Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
    }
    return Console(db, **defaults | other)


class Browser(httpx2.Client):
    """A client with cookies, which sends the token of the page that it has seen last with each form."""

    token = ""

    def see(self, path: str, **headers: str) -> httpx2.Response:
        """Get a page of the console."""
        return self._seen(self.get(f"/console{path}", headers=headers))

    def submit(self, path: str, **fields: str) -> httpx2.Response:
        """Send a form, without following the redirect."""
        return self._seen(self.post(f"/console{path}", data={"token": self.token} | fields))

    def sign_in(self, link: str) -> None:
        """Use a one-time link, and see the page behind it."""
        self.see(f"/link/{link}")
        assert self.submit(f"/link/{link}").status_code == 303
        self.see("/account")

    def _seen(self, response: httpx2.Response) -> httpx2.Response:
        if found := _TOKEN.search(response.text):
            self.token = found[1]
        return response


class Server:
    """A console that runs."""

    def __init__(self, url: str, console: Console) -> None:
        self.url, self.console = url, console
        self._browsers: list[Browser] = []

    def browser(self, address: str = "127.0.0.1", **options: Any) -> Browser:
        """Return a client that connects from this address."""
        transport = httpx2.HTTPTransport(local_address=address, verify=False)  # without TLS, no certificates are read
        self._browsers.append(Browser(base_url=self.url, transport=transport, timeout=60, **options))
        return self._browsers[-1]

    def close(self) -> None:
        for browser in self._browsers:
            browser.close()

    def user(self, name: str, role: Role = Role.VIEWER, lanes: tuple[str, ...] = ()) -> Browser:
        """Add a user, and return the browser in which they have signed in."""
        browser = self.browser()
        browser.sign_in(add_user(self.console.db, name, role, lanes, by=BY))
        return browser


@contextmanager
def serve(console: Console) -> Iterator[Server]:
    """Run the console in a thread, on the HTTP API's middleware and behind its proxies."""
    api = _app_over(console)
    listener = socket.create_server(("0.0.0.0", 0))  # connections wait in it until the server accepts them
    config = uvicorn.Config(behind_proxies(api, TRUSTED), log_config=None, access_log=False, proxy_headers=False)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    running = Server(f"http://127.0.0.1:{listener.getsockname()[1]}", console)
    try:
        yield running
    finally:
        running.close()
        server.should_exit = True
        thread.join()
        listener.close()
        _IDLE_APPS.append(api)


_IDLE_APPS: list[FastAPI] = []
"""Apps that no server runs, for the next ones: to build the routes takes longer than most tests."""


def _app_over(console: Console) -> FastAPI:
    if not _IDLE_APPS:
        api = FastAPI(openapi_url=None)
        api.add_middleware(RequestMiddleware, registry=CollectorRegistry())
        mount(api, console)
        return api
    api = _IDLE_APPS.pop()
    (mounted,) = (route.app for route in api.routes if isinstance(route, Mount))
    assert isinstance(mounted, FastAPI)
    mounted.state.console = console
    return api


def text_of(response: httpx2.Response) -> str:
    """Return the words of a page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.text)).split())
