"""Sessions: sign in, find the user of a request, sign out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, insert, select, update

from harkara.ledger.database import Database
from harkara.ledger.tables import session, user
from harkara.ledger.transaction import Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.ledger.users.secrets import digest, new_secret
from harkara.ledger.users.user import COLUMNS, User, user_id

How = Literal["link", "password"]


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a user: how it began, and until when it lasts. `current` is the one of the request."""

    how: str
    created_at: datetime
    expires_at: datetime
    current: bool


def link_owner(db: Database, secret: str) -> User | None:
    """Return whose one-time link this is, None if it was used, is void or has expired. Raises Unavailable."""
    query = select(*COLUMNS).where(user.c.link == digest(secret), user.c.disabled_at.is_(None))
    with db.read() as tx:
        found = tx.execute(query.where(user.c.link_expires_at > tx.now)).first()
        return None if found is None else User.of(found, tx.now)


def sign_in_by_link(db: Database, secret: str, lifetime: timedelta) -> str | None:
    """Use a one-time link up; return the secret of a new session, None if the link was used or has expired.

    Of two requests with the same link one gets a session. Raises Unavailable.
    """
    usable = user.c.link == digest(secret), user.c.disabled_at.is_(None)
    with db.write() as tx:
        used = update(user).where(*usable, user.c.link_expires_at > tx.now)
        found = tx.execute(used.values(link=None, link_expires_at=None).returning(user.c.id, user.c.name)).first()
        return None if found is None else start_session(tx, found.id, found.name, "link", lifetime)


def sign_in_by_password(db: Database, name: str, password_hash: str, lifetime: timedelta) -> str | None:
    """Return the secret of a new session for a user whose password was checked against this hash.

    None if the user was disabled or changed the password meanwhile. Raises Unavailable.
    """
    same = user.c.id == user_id(name), user.c.disabled_at.is_(None), user.c.password == password_hash
    with db.write() as tx:
        found = tx.execute(select(user.c.id, user.c.name).where(*same).with_for_update()).first()
        return None if found is None else start_session(tx, found.id, found.name, "password", lifetime)


def start_session(tx: Transaction, identity: str, name: str, how: How, lifetime: timedelta) -> str:
    """Return the secret of a new session. Deletes the sessions that have expired."""
    secret = new_secret()
    tx.execute(delete(session).where(session.c.expires_at <= tx.now))
    row = {"digest": digest(secret), "user_id": identity, "how": how, "created_at": tx.now}
    tx.execute(insert(session), row | {"expires_at": tx.now + lifetime})
    tx.execute(update(user).where(user.c.id == identity).values(signed_in_at=tx.now))
    record_act(tx, Actor(name, "console"), f"session.{how}")
    return secret


def user_of_session(db: Database, secret: str) -> User | None:
    """Return the user of a session, None if it has ended or its user is disabled. Raises Unavailable."""
    live = session.c.digest == digest(secret), user.c.disabled_at.is_(None)
    with db.read() as tx:
        query = select(*COLUMNS).join_from(session, user, session.c.user_id == user.c.id)
        found = tx.execute(query.where(*live, session.c.expires_at > tx.now)).first()
        return None if found is None else User.of(found, tx.now)


def list_sessions(db: Database, identity: str, secret: str) -> list[Session]:
    """Return the sessions of a user, the newest first; `secret` is that of the request. Raises Unavailable."""
    current, live = session.c.digest == digest(secret), session.c.user_id == identity
    with db.read() as tx:
        query = select(session.c.how, session.c.created_at, session.c.expires_at, current)
        newest = query.where(live, session.c.expires_at > tx.now).order_by(session.c.created_at.desc()).limit(100)
        return [Session(how, begun, ends, bool(own)) for how, begun, ends, own in tx.execute(newest)]


def end_session(db: Database, secret: str, *, by: Actor) -> None:
    """End a session, whose secret opens nothing any more. Raises Unavailable."""
    with db.write() as tx:
        if tx.execute(delete(session).where(session.c.digest == digest(secret))).rowcount:
            record_act(tx, by, "session.ended")


def end_other_sessions(db: Database, identity: str, secret: str, *, by: Actor) -> int:
    """End all sessions of a user but the one of the request; return how many. Raises Unavailable."""
    others = session.c.user_id == identity, session.c.digest != digest(secret)
    with db.write() as tx:
        ended = tx.execute(delete(session).where(*others)).rowcount
        record_act(tx, by, "sessions.ended", number=ended)
        return ended
