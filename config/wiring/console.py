"""Parts of the console."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_network
from zoneinfo import ZoneInfo

from config.erasure import erase
from config.ledger_backend import ledger_backend
from config.settings import Settings, settings
from config.wiring.health import health_sources
from config.wiring.loaded_files import config_files
from config.wiring.shared import broker, campaigns, database, lanes
from harkara.console import Console, ProxyUser


def console() -> Console:
    """Return what the pages use."""
    s = settings()
    return Console(
        db=database(),
        backend=ledger_backend(s, database(), broker()),
        files=config_files,
        lanes=sorted(lanes()),
        zone=ZoneInfo(s.timezone),
        campaigns=campaigns,
        session=s.console_session,
        erase=partial(erase, database()),
        health=health_sources(),
        url=s.console_url,
        proxy_user=_proxy_user(s),
    )


def _proxy_user(s: Settings) -> ProxyUser | None:
    if s.console_user_header is None or s.console_proxies is None:
        return None
    networks = [ip_network(each.strip(), strict=False) for each in s.console_proxies.split(",")]
    return ProxyUser(s.console_user_header, networks)
