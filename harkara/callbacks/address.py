"""Which addresses a callback may go to: public ones, unless the deployment allows private ones."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Resolve = Callable[[str, int], list[str]]
"""Returns the addresses of a host and port, in the order in which they are tried. Raises OSError."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""A NAT64 gateway turns such an IPv6 address into the IPv4 address in its last four bytes (RFC 6052)."""


def resolve(host: str, port: int) -> list[str]:
    """Resolve a host as the system does; this also reads short forms of an address, such as 127.1 or 0x7f000001."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Return whether an address is on the public internet: not this machine, a private network or cloud metadata.

    An IPv6 address that contains an IPv4 address counts as that one (RFC 4291, 3056 and 6052).
    """
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip.teredo or ip.is_site_local:
            return False
        if inner := ip.ipv4_mapped or ip.sixtofour or _from_nat64(ip):
            return _is_global(inner)
    return _is_global(ip)


def _from_nat64(ip: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _NAT64 else None


def _is_global(ip: IPv4Address | IPv6Address) -> bool:
    # The registry also calls some multicast and reserved ranges global.
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)
