"""The address of the console that `make up` and `make demo` print."""

from __future__ import annotations

from config.ledger import open_database
from config.settings import settings
from harkara.errors import HarkaraError
from harkara.ledger.database import Database
from harkara.ledger.users.acts import Actor
from harkara.ledger.users.users import add_user, list_users, new_link
from harkara.roles import Role

ADMIN = "admin"

_ACTOR = Actor("make up", "command")


def console_place(web: str) -> str | None:
    """Return the URL of the console of the HTTP API at `web`, None if the settings turn it off.

    It is a one-time link for the user `admin`, who is added if there are no users, until a user has a password: a log
    of later starts then holds no link.
    """
    if not settings().console:
        return None
    url = (settings().console_url or f"{web}/console").rstrip("/")
    if settings().console_user_header:
        return url
    db = open_database(settings())
    try:
        secret = _first_link(db)
    except HarkaraError:  # the processes say what is wrong with the database
        return url
    finally:
        db.close()
    return f"{url}/link/{secret}" if secret else url


def _first_link(db: Database) -> str | None:
    users = list_users(db)
    if not users:
        return add_user(db, ADMIN, Role.ADMIN, by=_ACTOR)
    waiting = all(not each.has_password for each in users) and any(each.name == ADMIN for each in users)
    return new_link(db, ADMIN, by=_ACTOR) if waiting else None
