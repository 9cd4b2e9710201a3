"""What users change about themselves: the password and the language."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from sqlalchemy import delete, select, update

from harkara.errors import Conflict
from harkara.ledger.database import Database
from harkara.ledger.tables import session, user
from harkara.ledger.users.acts import Actor, record_act
from harkara.ledger.users.secrets import digest
from harkara.ledger.users.sessions import start_session
from harkara.ledger.users.user import User, user_id


def password_hash(db: Database, name: str) -> str | None:
    """Return the hash of a password, None for a user without one, disabled or unknown. Raises Unavailable."""
    known = user.c.id == user_id(name), user.c.disabled_at.is_(None)
    with db.read() as tx:
        return cast(str | None, tx.execute(select(user.c.password).where(*known)).scalar())


def signed_in_by_link(db: Database, secret: str) -> bool:
    """Return whether a session began with a one-time link, which needs no password. Raises Unavailable."""
    with db.read() as tx:
        how = tx.execute(select(session.c.how).where(session.c.digest == digest(secret))).scalar()
        return how == "link"


def set_password(db: Database, who: User, new_hash: str, lifetime: timedelta) -> str:
    """Set the password, end all sessions of the user, and return the secret of a new one.

    A one-time link that waits is void. Raises Conflict for a user who was disabled meanwhile, and Unavailable.
    """
    enabled = user.c.id == who.id, user.c.disabled_at.is_(None)
    with db.write() as tx:
        new = {"password": new_hash, "link": None, "link_expires_at": None}
        if not tx.execute(update(user).where(*enabled).values(new)).rowcount:
            raise Conflict("this user is disabled")
        ended = tx.execute(delete(session).where(session.c.user_id == who.id)).rowcount
        record_act(tx, Actor(who.name, "console"), "password.set", number=ended)
        return start_session(tx, who.id, who.name, "password", lifetime)


def set_language(db: Database, who: User, language: str | None) -> None:
    """Set the language of a user's pages, None for that of the browser. Raises Unavailable."""
    with db.write() as tx:
        tx.execute(update(user).where(user.c.id == who.id).values(language=language))
