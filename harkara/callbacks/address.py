"""Which addresses a callback may go to: those of the open internet, unless the deployment allows its own."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Resolve = Callable[[str, int], list[str]]
"""The addresses of a host, in the order in which they are tried. Raises OSError."""

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv6 addresses that a NAT64 gateway turns into the IPv4 address in their last four bytes (RFC 6052)."""


def resolve(host: str, port: int) -> list[str]:
    """As the system knows them; also reads the shorthands of an address, such as 127.1 or 0x7f000001."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Whether it leads to the open internet: not to this machine, a private network or a cloud's metadata.

    An IPv6 address that carries an IPv4 address leads where that one does (RFC 4291, 3056 and 6052).
    """
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip.teredo or ip.is_site_local:
            return False
        if inner := ip.ipv4_mapped or ip.sixtofour or _translated(ip):
            return _is_global(inner)
    return _is_global(ip)


def _translated(ip: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _TRANSLATED else None


def _is_global(ip: IPv4Address | IPv6Address) -> bool:
    # The registry calls some of the multicast and reserved ranges global as well.
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)
