"""The addresses of the console, for what prints one-time links."""

from __future__ import annotations

from ipaddress import ip_address

from config.settings import Settings


def link_url(settings: Settings, secret: str) -> str:
    """Return the URL of a one-time link."""
    return f"{console_url(settings)}/link/{secret}"


def console_url(settings: Settings) -> str:
    """Return the URL of the console: that of the settings, or that of the HTTP API on this machine."""
    if settings.console_url:
        return settings.console_url.rstrip("/")
    return f"http://{_reachable(settings.web_address)}:{settings.port}/console"


def _reachable(address: str) -> str:
    """Return an address that a browser on this machine can open, for one that a server listens on."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if ip.is_unspecified:
        return "127.0.0.1"
    return f"[{ip}]" if ip.version == 6 else str(ip)
