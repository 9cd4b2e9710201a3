"""What PostgreSQL and libpq say when a connection cannot be opened, and what an operator does about it."""

from __future__ import annotations

import re
from typing import Final

REMEDY: Final = "raise it, lower HARKARA_DATABASE_CONNECTIONS of each process, or put PgBouncer before PostgreSQL"

IN_PASSWORDS: Final = (
    "write special characters of the password as %40 for @, %3A for :, %2F for /, %25 for %, %23 for # and %3F for ?"
)

_NONE_LEFT = re.compile("too many clients already|remaining connection slots|too many connections for")
"""PostgreSQL's src/backend/storage/lmgr/proc.c, src/backend/utils/init/postinit.c and miscinit.c."""

_NEXT_STEPS: Final = {
    _NONE_LEFT: f"if its limit (max_connections) is too small for all processes, {REMEDY}",
    re.compile("does not match host name"): "the URL of the database must have a host name that its certificate has",
    re.compile("certificate verify failed"): (
        "no authority that this host trusts has signed the certificate: name that of its authority by sslrootcert=FILE "
        "in the URL of the database"
    ),
    re.compile("root certificate file .* does not exist"): (
        "name the certificate of the server's authority by sslrootcert=FILE in the URL of the database, or "
        "sslrootcert=system for those that this host trusts"
    ),
    re.compile(
        "server does not support SSL"
    ): "let the server offer TLS, which sslmode in the URL of the database needs",
    re.compile("(?:password|SCRAM) authentication failed|no password supplied"): (
        f"correct user and password in the URL of the database, and {IN_PASSWORDS}"
    ),
    re.compile('role ".*" does not exist'): "correct the user in the URL of the database, or create this one",
    re.compile('database ".*" does not exist'): "create it, or correct its name in the URL of the database",
    re.compile("no pg_hba.conf entry"): "allow this host, user and database in the server's pg_hba.conf",
    re.compile("(?:resolve|translate) host"): "correct the host in the URL of the database",
    re.compile("Connection refused|timeout expired|No route to host|Network is unreachable"): (
        "see that the server runs at the host and port in the URL of the database"
    ),
}
"""By words of libpq's fe-connect.c, fe-secure-common.c and fe-secure-openssl.c, of psycopg's `resolve_hostaddr_async`,
and of the server's auth.c and postinit.c.
"""


def next_step(reason: str) -> str | None:
    """Return what an operator does about the reason, None for one that a later attempt may not meet."""
    return next((step for words, step in _NEXT_STEPS.items() if words.search(reason)), None)


def is_none_left(reason: str) -> bool:
    """Return whether PostgreSQL has given all its connections to other sessions."""
    return _NONE_LEFT.search(reason) is not None
