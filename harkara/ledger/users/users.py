"""Add, change, disable and list users, and create their one-time links. Each change is an act in the log."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, select, update

from harkara.errors import Conflict, NotFound
from harkara.ledger.database import Database
from harkara.ledger.tables import session, user
from harkara.ledger.transaction import Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.ledger.users.secrets import digest, new_secret
from harkara.ledger.users.user import COLUMNS, User, parse_name, stored_lanes, user_id
from harkara.roles import Role

LINK_LIFETIME: Final = timedelta(hours=24)

MOST_USERS = 1000
"""The most users of a ledger, so that a page can list them all."""


def add_user(
    db: Database,
    name: str,
    role: Role,
    lanes: Collection[str] = (),
    *,
    by: Actor,
    lifetime: timedelta = LINK_LIFETIME,
) -> str:
    """Add a user; return the secret of the one-time link with which they sign in first.

    Raises Invalid for the name or the lanes, Conflict if the name exists, and Unavailable.
    """
    name, stored = parse_name(name), stored_lanes(role, lanes)
    with db.write() as tx:
        if len(tx.rows(select(user.c.id).limit(MOST_USERS))) == MOST_USERS:
            raise Conflict("there are 1,000 users, which is the most")
        new = {"id": user_id(name), "name": name, "role": role.value, "lanes": stored, "created_at": tx.now}
        if tx.execute(tx.insert_new(user).returning(user.c.id), new).first() is None:
            raise Conflict("a user of this name exists: change that one, or make a new link for it")
        record_act(tx, by, "user.added", name, filter=_access(role, stored))
        return _set_link(tx, user_id(name), lifetime)


def change_user(db: Database, name: str, role: Role, lanes: Collection[str], *, by: Actor) -> None:
    """Give a user another role and other lanes, from the next request on. Raises Invalid, NotFound and Unavailable."""
    stored = stored_lanes(role, lanes)
    with db.write() as tx:
        found = _update(tx, name, role=role.value, lanes=stored)
        record_act(tx, by, "user.changed", found, filter=_access(role, stored))


def disable_user(db: Database, name: str, *, by: Actor) -> None:
    """Disable a user, who loses all sessions and the one-time link at once. Raises NotFound and Unavailable."""
    with db.write() as tx:
        found = _update(tx, name, disabled_at=tx.now, link=None, link_expires_at=None)
        ended = tx.execute(delete(session).where(session.c.user_id == user_id(name))).rowcount
        record_act(tx, by, "user.disabled", found, number=ended)


def enable_user(db: Database, name: str, *, by: Actor) -> None:
    """Let a disabled user sign in again, with the former password or a new link. Raises NotFound and Unavailable."""
    with db.write() as tx:
        record_act(tx, by, "user.enabled", _update(tx, name, disabled_at=None))


def new_link(db: Database, name: str, *, by: Actor, lifetime: timedelta = LINK_LIFETIME) -> str:
    """Return the secret of a new one-time link; a former one is void.

    Raises NotFound, Conflict for a disabled user, and Unavailable.
    """
    with db.write() as tx:
        found = tx.execute(select(user.c.name, user.c.disabled_at).where(user.c.id == user_id(name))).first()
        if found is None:
            raise _not_found()
        if found.disabled_at is not None:
            raise Conflict("this user is disabled: enable the user first")
        record_act(tx, by, "link.created", found.name)
        return _set_link(tx, user_id(name), lifetime)


def find_user(db: Database, name: str) -> User | None:
    """Return the user of this name, None if there is none. Raises Unavailable."""
    with db.read() as tx:
        found = tx.execute(select(*COLUMNS).where(user.c.id == user_id(name))).first()
        return None if found is None else User.of(found, tx.now)


def list_users(db: Database) -> list[User]:
    """Return all users by name, the disabled ones last. Raises Unavailable."""
    query = select(*COLUMNS).order_by(user.c.disabled_at.is_not(None), user.c.id).limit(MOST_USERS)
    with db.read() as tx:
        return [User.of(row, tx.now) for row in tx.execute(query)]


def _set_link(tx: Transaction, identity: str, lifetime: timedelta) -> str:
    secret = new_secret()
    values = {"link": digest(secret), "link_expires_at": tx.now + lifetime}
    tx.execute(update(user).where(user.c.id == identity).values(values))
    return secret


def _update(tx: Transaction, name: str, **values: Any) -> str:
    """Change the user; return the name as people see it."""
    changed = update(user).where(user.c.id == user_id(name)).values(**values).returning(user.c.name)
    found = tx.execute(changed).scalar()
    if found is None:
        raise _not_found()
    return str(found)


def _not_found() -> NotFound:
    return NotFound("no user has this name; the list of users shows the names")


def _access(role: Role, lanes: str | None) -> str:
    return f"{role.value}, {'all lanes' if lanes is None else f'lanes {lanes}'}"
