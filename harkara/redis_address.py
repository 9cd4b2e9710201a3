"""The address of a Redis: one URL, read once, with one meaning for every client library that uses it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from harkara.errors import Invalid

TLS: Final = ("rediss", "valkeys", "rediss+sentinel")
SOCKET: Final = ("unix", "redis+socket")
SENTINEL: Final = ("sentinel", "redis+sentinel", "rediss+sentinel")
SCHEMES: Final = ("redis", "valkey", "rediss", "valkeys", *SOCKET, *SENTINEL)

EXAMPLE: Final = "redis://:password@127.0.0.1:6379/0"
SENTINEL_EXAMPLE: Final = "sentinel://:password@10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379/mymaster/0"

SENTINEL_PORT: Final = 26379

_IN_PASSWORDS: Final = "write / ? # , and ; in a password as %2F %3F %23 %2C and %3B"

_OWN: Final = (
    "socket_timeout socket_connect_timeout timeout retry_on_timeout retry_on_error max_connections socket_read_size "
    "socket_keepalive protocol legacy_responses decode_responses encoding encoding_errors"
).split()
"""Options of redis-py that Harkara sets by itself."""


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError("must be a whole number")
    return int(text)


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
        raise ValueError("must be true or false")
    return text.lower() in ("true", "yes", "1")


def _verify(text: str) -> str:
    """Read redis-py's words and those of Celery, such as CERT_NONE."""
    word = text.lower().removeprefix("cert_")
    if word not in ("required", "optional", "none"):
        raise ValueError("must be required, optional or none")
    return word


def _existing(text: str) -> str:
    if not Path(text).exists():
        raise ValueError("names a file that does not exist")
    return text


_OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "db": _number,
    "client_name": str,
    "health_check_interval": _number,
    "ssl_cert_reqs": _verify,
    "ssl_check_hostname": _switch,
    "ssl_ca_certs": _existing,
    "ssl_ca_path": _existing,
    "ssl_certfile": _existing,
    "ssl_keyfile": _existing,
    "ssl_password": str,
    "ssl_ciphers": str,
    "sentinel_username": str,
    "sentinel_password": str,
}
"""The options that a URL may have, with the function that reads the value. Raises ValueError with the broken rule."""


@dataclass(frozen=True)
class Sentinels:
    """Servers that name the primary of a service: their hosts and ports, and the arguments of a connection to one."""

    service: str
    hosts: tuple[tuple[str, int], ...]
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class RedisAddress:
    """Where a Redis is, and how to connect: `options` are arguments of redis-py's connections.

    `tls` holds the options of TLS, `ssl_…`; None means a connection without TLS. `path` is that of a Unix socket,
    which replaces host and port. With `sentinels`, host and port are those of the first one, and each connection asks
    them for the primary.
    """

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Mapping[str, Any] | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    sentinels: Sentinels | None = None

    @classmethod
    def parse(cls, url: str) -> RedisAddress:
        """Read a URL such as `redis://:password@127.0.0.1:6379/0` or `unix:///run/valkey.sock?db=0`.

        `sentinel://:password@host:26379,host:26379/mymaster/0` names sentinels, and the service that they monitor.
        `rediss://`, `valkeys://` and `rediss+sentinel://` use TLS, and verify the certificate unless
        `ssl_cert_reqs` is `none`.
        Raises Invalid, which quotes neither the password nor any other value.
        """
        return _parse(url)

    @property
    def place(self) -> str:
        """The server and the database for a person to read, without a password."""
        if self.path is not None:
            return f"{self.path}, database {self.db}"
        service = f"{self.sentinels.service} of the sentinel " if self.sentinels else ""
        return f"{service}{self.host}:{self.port}, database {self.db}"

    @property
    def broker_url(self) -> str:
        """The URL for kombu, without the options that kombu gets as settings."""
        secret = f"{_quoted(self.username)}:{_quoted(self.password)}@" if self.username or self.password else ""
        if self.path is not None:
            return f"redis+socket://{secret}{quote(self.path)}?virtual_host={self.db}"
        host = f"[{self.host}]" if ":" in self.host else _quoted(self.host)
        return f"redis://{secret}{host}:{self.port}/{self.db}"

    @property
    def connection_options(self) -> dict[str, Any]:
        """The arguments of a connection of redis-py."""
        place = {"host": self.host, "port": self.port} if self.path is None else {"path": self.path}
        account = {"db": self.db, "username": self.username, "password": self.password}
        primary = {"sentinels": self.sentinels} if self.sentinels else {}
        return {**place, **account, **(self.tls or {}), **self.options, **primary}


@lru_cache(16)
def _parse(url: str) -> RedisAddress:
    servers = _servers(url)
    parts = servers[0]
    options = dict(_option(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True))
    account: dict[str, Any] = {
        "username": unquote(parts.username or "") or None,
        "password": unquote(parts.password or "") or None,
    }
    tls = _pop_all(options, "ssl_")
    if tls and parts.scheme not in TLS:
        raise _invalid(f"has options of TLS, which need {' or '.join(f'{scheme}://' for scheme in TLS)}")
    tls = {"ssl_cert_reqs": "required"} | tls
    of_sentinels = _pop_all(options, "sentinel_")
    if of_sentinels and parts.scheme not in SENTINEL:
        raise _invalid("has options of sentinels, which need sentinel:// or rediss+sentinel://")
    if parts.scheme in SOCKET:
        if parts.netloc.rpartition("@")[2] or not parts.path:
            raise _invalid("must name the socket by its absolute path, for example unix:///run/valkey/valkey.sock")
        return RedisAddress(path=unquote(parts.path), db=options.pop("db", 0), **account, options=options)
    sentinels, path = None, parts.path
    if parts.scheme in SENTINEL:
        service, _, path = parts.path.removeprefix("/").partition("/")
        login = {name.removeprefix("sentinel_"): value for name, value in of_sentinels.items()}
        sentinels = _sentinels(service, servers, login | (tls if parts.scheme in TLS else {}))
    db = options.pop("db", None)
    return RedisAddress(
        host=unquote(parts.hostname or "localhost"),
        port=parts.port or (6379 if sentinels is None else SENTINEL_PORT),
        db=_database(path) if db is None else db,
        **account,
        tls=tls if parts.scheme in TLS else None,
        options=options,
        sentinels=sentinels,
    )


def _servers(url: str) -> list[SplitResult]:
    """Split the URL; that of sentinels once for each of them."""
    scheme, separator, rest = url.strip().partition("://")
    if scheme not in SENTINEL:
        return [_split(url)]
    authority, slash, tail = rest.partition("/")
    account, at, hosts = authority.rpartition("@")
    found = [_split(f"{scheme}{separator}{account}{at}{host}{slash}{tail}") for host in hosts.split(",")]
    if not all(parts.hostname for parts in found):
        raise _invalid(f"must name each sentinel, for example {SENTINEL_EXAMPLE}")
    return found


def _sentinels(service: str, servers: Sequence[SplitResult], options: Mapping[str, Any]) -> Sentinels:
    if not service or service.isdecimal():
        raise _invalid(f"must name the service that the sentinels monitor, for example {SENTINEL_EXAMPLE}")
    hosts = tuple((unquote(parts.hostname or ""), parts.port or SENTINEL_PORT) for parts in servers)
    return Sentinels(unquote(service), hosts, options)


def _pop_all(options: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name: options.pop(name) for name in list(options) if name.startswith(prefix)}


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # raises ValueError for a port that is not a number up to 65535
    except ValueError:
        raise _invalid(f"must be a URL such as {EXAMPLE}; {_IN_PASSWORDS}") from None
    if parts.scheme not in SCHEMES:
        raise _invalid(f"must begin with {', '.join(f'{scheme}://' for scheme in SCHEMES)}")
    if parts.fragment or "#" in url or "," in parts.netloc or ";" in parts.netloc:
        raise _invalid(f"must name one server, or sentinels as in {SENTINEL_EXAMPLE}; {_IN_PASSWORDS}")
    if not url.strip().isprintable() or " " in url.strip():
        raise _invalid("must not contain spaces or control characters")
    return parts


def _database(path: str) -> int:
    number = unquote(path).strip("/")
    try:
        return _number(number) if number else 0
    except ValueError:
        raise _invalid(f"must end with the number of a database, for example {EXAMPLE}; {_IN_PASSWORDS}") from None


def _option(name: str, value: str) -> tuple[str, Any]:
    """Read one option; its name may be a part of a password that holds a `?`, so an unknown one is not quoted."""
    name = "db" if name == "virtual_host" else name  # kombu's name
    if name in _OWN:
        raise _invalid(f"{name} is an option that Harkara sets itself: leave it out of the URL")
    if name not in _OPTIONS:
        near = difflib.get_close_matches(name, _OPTIONS, n=1, cutoff=0.8)
        hint = f"did you mean {near[0]}?" if near else f"it may have {', '.join(_OPTIONS)}"
        raise _invalid(f"has an option that Harkara does not know; {hint}")
    try:
        return name, _OPTIONS[name](value)
    except ValueError as error:
        raise _invalid(f"{name} {error}") from None


def _quoted(text: str | None) -> str:
    return quote(text or "", safe="")


def _invalid(rule: str) -> Invalid:
    return Invalid("redis_url", rule)
