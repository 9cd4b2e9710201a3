"""Ask the host of a media link whether WhatsApp would take the file: whether it exists, its size and its type."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

from harkara.callbacks.connector import Connector
from harkara.errors import Invalid
from harkara.http_exchange import Head
from harkara.messages.media_limits import MEDIA_LIMITS, MediaLimit
from harkara.messages.media_links import validate_media_link

MAX_REDIRECTS = 3

_HEAD_REFUSED = (400, 403, 404, 405, 501)
"""Statuses after which GET may succeed: a signed link is often valid for GET alone, and some hosts have no HEAD."""


def probe(kind: str, link: str, connector: Connector) -> str | None:
    """Return what is wrong with the file behind the link of an image, video, audio, document or sticker, or None.

    Nothing of the file is read. Each redirect goes through the connector, too, which checks its address.
    """
    try:
        response = _follow(link, connector)
    except Invalid as error:
        return f"it redirects to a link that {error.rule}"
    if isinstance(response, str):
        return response
    return _problem(response.headers, MEDIA_LIMITS[kind])


def _follow(link: str, connector: Connector) -> Head | str:
    for _ in range(MAX_REDIRECTS + 1):
        response = _ask(urlsplit(link), connector)
        if isinstance(response, str):
            return response
        if response.status in (200, 206):
            return response
        if response.status not in (301, 302, 303, 307, 308) or not (to := response.headers.get("location")):
            return f"its host responds with HTTP {response.status}"
        link = validate_media_link(urljoin(link, to), ())
    return f"it redirects more than {MAX_REDIRECTS} times"


def _ask(url: SplitResult, connector: Connector) -> Head | str:
    response = connector.request("HEAD", url, {})
    if isinstance(response, Head) and response.status in _HEAD_REFUSED:
        response = connector.request("GET", url, {"Range": "bytes=0-0"})
    return response if isinstance(response, Head) else response.reason


def _problem(headers: Mapping[str, str], limit: MediaLimit) -> str | None:
    kind = headers.get("content-type", "missing").partition(";")[0].strip().lower()
    if kind not in limit.types:
        return f"its content type is {kind[:80]}; it must be {', '.join(limit.types)}"
    size = _size(headers)
    if size is not None and size > limit.size:
        return f"it has {size:,} bytes; at most {limit.size:,} are allowed"
    if size == 0:
        return "it is empty"
    return None


def _size(headers: Mapping[str, str]) -> int | None:
    """Return the bytes of the whole file, if the host says them."""
    whole = headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length", "")
    return int(whole) if whole.isascii() and whole.isdecimal() else None
