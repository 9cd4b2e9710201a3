"""Types of settings that pydantic does not have: each checks at the start what a request would meet later."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from harkara.http_url import parse_http_url
from harkara.ledger.connection_errors import IN_PASSWORDS
from harkara.redis_address import RedisAddress

_SHORT_NAME = re.compile(r"[a-z0-9_-]{1,40}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,80}")
_BARE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg", "sqlite", "sqlite+pysqlite")
_QUOTES = "\"'"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(value: Any) -> Any:
    """Parse `90s`, `10m`, `2h`, `1d` or a number of seconds such as `3.05`. Raises ValueError.

    Any other type is pydantic's to validate.
    """
    if not isinstance(value, str | int | float):
        return value
    text = str(value).strip()
    unit = _UNITS.get(text[-1:])
    try:
        return timedelta(**{unit or "seconds": float(text[:-1] if unit else text)})
    except (ValueError, OverflowError) as error:
        raise ValueError(f"must be a duration such as 90s, 10m, 2h, 1d or 15 (seconds), not {text!r}") from error


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


def _redis_url(url: str) -> str:
    RedisAddress.parse(url)  # raises Invalid
    return url.strip()


RedisUrl = Annotated[str, AfterValidator(_redis_url)]
"""A URL that RedisAddress reads."""


def _database_url(text: str) -> str:
    """Return the URL of the ledger. SQLAlchemy, which would parse it, takes too long to import for a command."""
    url = text.strip()
    scheme, separator, rest = url.partition("://")
    kind, _, driver = scheme.partition("+")
    if not separator or kind not in ("postgresql", "postgres", "sqlite"):
        raise ValueError("must begin with postgresql:// or sqlite:///")
    if scheme not in _SCHEMES:  # another program's URL in DATABASE_URL may name one
        raise ValueError(f"names the driver {driver}, which Harkara does not use: write {kind}:// without a driver")
    if kind == "sqlite":
        file = rest.partition("?")[0]
        if not file.startswith("/") or not file.strip("/"):
            raise ValueError("must be sqlite:/// and the path of a file; an absolute path begins with a fourth slash")
        folder = Path(file[1:].removeprefix("file:")).parent
        if not folder.is_dir():
            raise ValueError(f"the folder {folder} does not exist: create it, or correct the path")
    else:
        _check_server(url)
    return url


def _check_server(url: str) -> None:
    """Check what comes before the database. A special character of the password would move its borders."""
    rest = url.partition("://")[2]
    server = re.split("[/?#]", rest, maxsplit=1)[0]
    path = rest[len(server) :].partition("?")[0]
    moved = server.count("@") > 1 or "@" in path or "#" in rest or (server and "@" in rest and "@" not in server)
    try:
        for host in urlsplit(url).netloc.rpartition("@")[2].split(","):
            _ = urlsplit(f"//{host}").port
    except ValueError as error:
        raise ValueError(f"has no number as its port; {IN_PASSWORDS}") from error
    if moved or _BARE_PERCENT.search(server):
        raise ValueError(f"cannot be read; {IN_PASSWORDS}")


DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
"""The URL of a PostgreSQL database, on one server or several, or of an SQLite file in a folder that exists."""


def pairs(form: str, separator: str = ":") -> BeforeValidator:
    """Return a validator that parses `name:value,name:value`. It raises ValueError that shows `form`, never the value.

    Only the first separator of a pair counts, since a live token holds a colon itself.
    """

    def parse(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = [pair.strip().partition(separator) for pair in value.split(",") if pair.strip()]
        if any(not name or not text for name, _, text in found):
            raise ValueError(f"must be {form}")
        pairs = {name.strip(): text.strip() for name, _, text in found}
        if len(pairs) < len(found):
            raise ValueError(f"must be {form}, with each name once")
        return pairs

    return BeforeValidator(parse)


def _short_name(name: str) -> str:
    if not _SHORT_NAME.fullmatch(name):
        raise ValueError("a name has 1 to 40 of a-z, 0-9, _ and -")
    return name


ShortName = Annotated[str, AfterValidator(_short_name)]
"""The name of a lane or of a caller: it goes into URLs, keys of Redis and labels of metrics."""


def _secret(value: SecretStr) -> SecretStr:
    """Return the secret without white space around it: a mounted file ends with a line end."""
    text = value.get_secret_value().strip()
    if not text or not text.isprintable():
        raise ValueError("is empty" if not text else "has a control character inside, such as a line end")
    if text[0] in _QUOTES and text[-1:] == text[0]:
        raise ValueError(f"has quotation marks ({text[0]}) around it, which belong to the value: remove them")
    return SecretStr(text)


Secret = Annotated[SecretStr, AfterValidator(_secret)]
"""A secret of printable characters."""


def _header_token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text.lower().startswith("bearer "):
        raise ValueError("must be the token alone, without `Bearer`")
    if not text.isascii() or " " in text:
        position = next(index for index, each in enumerate(text, start=1) if each == " " or not each.isascii())
        found = "is a space" if text[position - 1] == " " else "is not ASCII"
        raise ValueError(f"cannot be an HTTP header: character {position} of {len(text)} {found}")
    return value


HeaderToken = Annotated[Secret, AfterValidator(_header_token)]
"""A token that goes into the header `Authorization`."""


def _http_url(url: str) -> str:
    url = url.strip()
    if parse_http_url(url) is None:
        raise ValueError(
            "must be a full URL in ASCII that begins with http:// or https://, without a user name, "
            "for example https://example.com/harkara"
        )
    return url


HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""The URL of an HTTP service."""


def _proxies(text: str) -> str:
    for proxy in text.split(","):
        try:
            ip_network(proxy.strip(), strict=False)
        except ValueError:
            if text.strip() != "*":
                raise ValueError("must be * or IP addresses and networks with commas, such as 10.0.0.0/8") from None
    return text.strip()


Proxies = Annotated[str, AfterValidator(_proxies)]
"""Addresses of proxies; uvicorn takes any text, and a name would match no proxy."""


def _networks(text: str) -> str:
    if text.strip() == "*":
        raise ValueError("must be IP addresses and networks with commas, such as 10.0.0.0/8; * would believe everyone")
    return _proxies(text)


Networks = Annotated[str, AfterValidator(_networks)]
"""Addresses whose word is believed, so that they must be named."""


def _header_name(text: str) -> str:
    if not _HEADER_NAME.fullmatch(text):
        raise ValueError("must be the name of a header, such as X-Forwarded-User")
    return text


HeaderName = Annotated[str, AfterValidator(_header_name)]
"""The name of an HTTP header."""
