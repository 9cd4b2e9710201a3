"""Find out when a link ends, from the parameters with which a storage service signed it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from harkara.errors import Invalid
from harkara.messages.media import media_in

LINK_ENDED = "link-ended"
"""The code of a message whose link ended before the message was sent."""

_DURATION = re.compile(r"x-([a-z]+)-expires")
_SIGNATURES = frozenset({"signature", "sig", "token", "md5", "hmac", "hash"})

Parameters = Mapping[str, str]
"""The parameters of a link by their names in lower case."""


def end_of_link(link: str) -> datetime | None:
    """Return the moment from which the link answers no more, in UTC; None if the link does not contain it."""
    if "?" not in link:
        return None
    parameters = {name.lower(): value for name, value in parse_qsl(urlsplit(link).query)}
    try:
        return next((end for rule in _RULES if (end := rule(parameters)) is not None), None)
    except (ValueError, OverflowError, LookupError, TypeError, RecursionError):
        return None  # it resembles a signed link only


def check_link(link: str, at: datetime | None) -> None:
    """Raise Invalid for a link that ends before its message is sent: `at` this moment, or now."""
    end = end_of_link(link)
    if end is not None and (end <= datetime.now(UTC) or (at is not None and end <= at)):
        rule = "ends before the message is sent; use a link that lasts longer"
        raise Invalid("", rule, f"this one ends at {end:%Y-%m-%dT%H:%M:%SZ}")


def first_end(body: str) -> datetime | None:
    """Return when the first link of a request ends, given its body as `Envelope.body_json` wrote it."""
    ends = (end_of_link(link) for _, link in media_in(body))
    return min((end for end in ends if end is not None), default=None)


def _duration(parameters: Parameters) -> datetime | None:
    """Amazon S3 (AWS Signature Version 4), Google Cloud Storage (V4), Alibaba OSS (V4): a date and seconds from it."""
    for name, seconds in parameters.items():
        if (match := _DURATION.fullmatch(name)) and (begin := parameters.get(f"x-{match[1]}-date")):
            return datetime.strptime(begin.upper(), "%Y%m%dT%H%M%S%z") + timedelta(seconds=int(seconds))
    return None


def _azure(parameters: Parameters) -> datetime | None:
    """Azure Storage, shared access signature: `se` is ISO 8601 in UTC, perhaps a date alone."""
    if not {"se", "sig"} <= parameters.keys():
        return None
    end = datetime.fromisoformat(parameters["se"])
    return end.astimezone(UTC) if end.tzinfo else end.replace(tzinfo=UTC)


def _expires(parameters: Parameters) -> datetime | None:
    """Amazon S3 (Signature Version 2), CloudFront (canned policy), Google Cloud Storage (V2) and many others."""
    end = parameters.get("expires", "")
    return _unix(end) if len(end) == 10 and _SIGNATURES & parameters.keys() else None


def _policy(parameters: Parameters) -> datetime | None:
    """CloudFront, custom policy: JSON in Base64 with characters that are safe in a URL."""
    if not {"policy", "key-pair-id", "signature"} <= parameters.keys():
        return None
    text = b64decode(parameters["policy"].translate(str.maketrans("-_~", "+=/")))
    conditions = (statement["Condition"] for statement in json.loads(text)["Statement"])
    return min(_unix(condition["DateLessThan"]["AWS:EpochTime"]) for condition in conditions)


def _tencent(parameters: Parameters) -> datetime | None:
    """Tencent Cloud Object Storage: first and last second, divided by a semicolon."""
    times = parameters.get("q-sign-time", "") if "q-signature" in parameters else ""
    return _unix(times.partition(";")[2]) if ";" in times else None


_RULES: tuple[Callable[[Parameters], datetime | None], ...] = (_duration, _azure, _policy, _expires, _tencent)


def _unix(seconds: str | int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
