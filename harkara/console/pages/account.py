"""The user's own account: password, language, sessions."""

from __future__ import annotations

import time

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from harkara.console.errors import sentence
from harkara.console.forms import Form, FormFields
from harkara.console.languages import LANGUAGES, N_
from harkara.console.pages.sign_in import start
from harkara.console.pages.users import ROLES
from harkara.console.visitors import SignedIn, Viewer
from harkara.errors import Invalid
from harkara.ledger.users import account, sessions

router = APIRouter()

_WRONG = N_("The present password is wrong.")
_DIFFERENT = N_("The two new passwords differ.")
_TOO_MANY = N_("Too many wrong passwords. Wait a minute.")


@router.get("/account")
def account_page(visitor: Viewer) -> Response:
    return _page(visitor)


@router.post("/account/password")
def set_password(visitor: Viewer, form: Form) -> Response:
    session = _own_session(visitor)
    if problem := _password_problem(visitor, form, session):
        return _page(visitor, 400, visitor.language.texts.gettext(problem))
    try:
        new_hash = visitor.console.passwords.hash(form["new"])
    except Invalid as error:
        return _page(visitor, 400, sentence(error, visitor.language))
    secret = account.set_password(visitor.console.db, visitor.user, new_hash, visitor.console.session)
    return start(visitor, secret, "/account?done=password.set")


@router.post("/account/language")
def set_language(visitor: Viewer, form: Form) -> Response:
    chosen = form["language"]
    if chosen and chosen not in LANGUAGES:
        raise HTTPException(400)
    account.set_language(visitor.console.db, visitor.user, chosen or None)
    return visitor.redirect("/account")


@router.post("/account/sessions")
def end_other_sessions(visitor: Viewer, form: Form) -> Response:
    sessions.end_other_sessions(visitor.console.db, visitor.user.id, _own_session(visitor), by=visitor.actor)
    return visitor.redirect("/account?done=sessions.ended")


def _page(visitor: SignedIn, status: int = 200, problem: str | None = None) -> Response:
    db, session = visitor.console.db, visitor.session
    return visitor.page(
        "account.html",
        status,
        problem=problem,
        roles=ROLES,
        sessions=sessions.list_sessions(db, visitor.user.id, session) if session else None,
        needs_password=bool(session) and not _is_proved(visitor, session or ""),
    )


def _own_session(visitor: SignedIn) -> str:
    """Return the secret of the session. Raises HTTPException 404 if a proxy signs people in, who have no password."""
    if visitor.session is None:
        raise HTTPException(404)
    return visitor.session


def _is_proved(visitor: SignedIn, session: str) -> bool:
    """Return whether the session itself proves who the user is: it began with a link, or there is no password yet."""
    return not visitor.user.has_password or account.signed_in_by_link(visitor.console.db, session)


def _password_problem(visitor: SignedIn, form: FormFields, session: str) -> str | None:
    if form["new"] != form["again"]:
        return _DIFFERENT
    if _is_proved(visitor, session):
        return None
    keys, limit = (f"name {visitor.user.id}",), visitor.console.failed_passwords
    if limit.begin(keys, time.monotonic()):
        return _TOO_MANY
    known = account.password_hash(visitor.console.db, visitor.user.name)
    if not visitor.console.passwords.check(form["present"], known):
        return _WRONG
    limit.forgive(keys)
    return None
