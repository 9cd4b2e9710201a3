"""The URL of an HTTP service, checked before any request goes there."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

MAX_LABEL = 63
"""Characters of a host's name between two dots (RFC 1035, 2.3.4)."""


def parse_http_url(url: str) -> SplitResult | None:
    """Return the parts of a full URL, None for one to which no request can be sent.

    It is http or https, in printable ASCII, with a host, and without a user name, which a log would show.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # raises ValueError for a port that is not a number
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        return None
    return parts if all(0 < len(label) <= MAX_LABEL for label in host.removesuffix(".").split(".")) else None
