"""The URL of the ledger's database, which may name several servers of PostgreSQL: a primary and its standbys."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url

_WRITABLE = {"target_session_attrs": "read-write"}
"""The server that accepts writes (PostgreSQL documentation, "Database Connection Control Functions")."""


def read_url(text: str) -> URL:
    """Read SQLAlchemy's URL of a database, or libpq's of several servers, `postgresql://user@a:5432,b:5432/name`.

    The driver of PostgreSQL is psycopg 3 unless another one is named. Of several servers, connections lead to the one
    that accepts writes unless `target_session_attrs` is given.
    """
    scheme, separator, rest = text.partition("://")
    authority, slash, tail = rest.partition("/")
    account, at, hosts = authority.rpartition("@")
    if "," not in hosts:
        return _with_defaults(make_url(text))
    url = make_url(f"{scheme}{separator}{account}{at}{slash}{tail}")
    return _with_defaults(url.update_query_pairs([("host", host) for host in hosts.split(",")]))


def _with_defaults(url: URL) -> URL:
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    return url.update_query_dict({**_WRITABLE, **url.query}) if names_several(url) else url


def names_several(url: URL) -> bool:
    """Return whether the URL names a primary and its standbys, rather than one server."""
    named = url.query.get("host", "")
    return not isinstance(named, str) or "," in named
