"""Validate the link of a media message: public, HTTPS, and of a file type that WhatsApp shows."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from posixpath import splitext
from urllib.parse import SplitResult, unquote, urlsplit

from harkara.errors import Invalid

# This limit is Harkara's. Browsers and content delivery networks have a similar one.
_MAX_LENGTH = 2_048

# Names that are never public: RFC 6761, RFC 6762, RFC 8375, ICANN's .internal, and common router defaults.
_LOCAL = ("localhost", "local", "internal", "home.arpa", "localdomain", "lan", "intranet")

_PLAIN = re.compile(r"[!-~]+")
_UNSAFE = re.compile(r'[*#\\<>"{}|^`]')
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_EXTENSION = re.compile(r"\.(?=\d*[a-z])[a-z0-9]{1,5}")  # a number alone, as in /v1.2, is none
_PROGRAMS = frozenset("ashx asp aspx cfm cgi do jsp php pl".split())
"""Extensions of programs: what they answer may be a file of any type."""

_GLOBAL_IPV6 = IPv6Network("2000::/3")


def validate_media_link(link: str, types: tuple[str, ...]) -> str:
    """Return the link if Chat Mitra can download from it (docs, Media Messages), or raise Invalid.

    `types` are the allowed file extensions in lower case; without any, all are. A path without an extension passes:
    many CDNs have them. So does the path of a program, such as invoice.aspx?id=7.
    """
    if len(link) > _MAX_LENGTH:
        raise Invalid("", f"at most {_MAX_LENGTH:,} characters", f"this has {len(link):,}")
    if not _PLAIN.fullmatch(link) or _UNSAFE.search(link):
        raise Invalid("", "must be one link without spaces, * and #; percent-encode other characters, such as %20")
    parts = _split(link)
    if parts.scheme != "https":
        raise Invalid("", "must begin with https://")
    if "@" in parts.netloc:
        raise Invalid("", "must have no user name and no password")
    if not _is_public(parts.hostname or ""):
        raise Invalid("", "must be on a public host, which Chat Mitra can reach from the internet")
    extension = splitext(unquote(parts.path))[1].lower()
    if types and _EXTENSION.fullmatch(extension) and extension[1:] not in _PROGRAMS.union(types):
        raise Invalid("", f"must be a file of type {', '.join(types)}", f"this is {extension}")
    return link


def _split(link: str) -> SplitResult:
    try:
        parts = urlsplit(link)
        _ = parts.port  # raises ValueError for an invalid port
    except ValueError:
        raise Invalid("", "must be a well-formed link") from None
    return parts


def _is_public(host: str) -> bool:
    host = host.removesuffix(".")
    if ":" in host:
        return _is_public_ipv6(host)
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _is_public_ipv4(host)
    return bool(_HOST.fullmatch(host)) and not any(f".{host}".endswith(f".{name}") for name in _LOCAL)


def _is_public_ipv4(host: str) -> bool:
    """Accept four decimal numbers only: 0x7f.1, 2130706433 and 0177.0.0.1 are ways to hide an address."""
    try:
        address = IPv4Address(host)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast


def _is_public_ipv6(host: str) -> bool:
    """Accept native addresses only: one that embeds an IPv4 address (6to4, Teredo, NAT64) may embed a private one."""
    try:
        address = IPv6Address(host)
    except ValueError:
        return False
    wraps = address.sixtofour or address.teredo
    return address in _GLOBAL_IPV6 and address.is_global and not wraps
