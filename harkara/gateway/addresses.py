"""The addresses of a request: the client's network, and the peer that has opened the connection."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, cast

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_PEER = "harkara.peer"


class PeerMiddleware:
    """Notes the peer before uvicorn replaces it by what a trusted proxy says of the client."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if client := scope.get("client"):
            scope[_PEER] = client[0]
        await self._app(scope, receive, send)


def behind_proxies(app: ASGIApp, trusted: str) -> ASGIApp:
    """Return the app with what `trusted` proxies say of the client, as uvicorn does it, and with the peer noted."""
    proxied: Any = ProxyHeadersMiddleware(cast(Any, app), trusted)
    return PeerMiddleware(proxied)


def peer_of(request: Request) -> str:
    """Return the address of the peer; empty if it was not noted, or on a Unix socket."""
    return str(request.scope.get(_PEER, ""))


def client_of(request: Request) -> str:
    """Return the address of the client, which a trusted proxy may have named."""
    return request.client.host if request.client else ""


def network_of(address: str) -> str:
    """Return the address, or the /64 of an IPv6 address: one host can have all addresses in it."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
    return address
