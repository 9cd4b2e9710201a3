"""Sign in by password or by a one-time link, and sign out."""

from __future__ import annotations

import re
import time

import structlog
from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from harkara.console.forms import Form, FormFields
from harkara.console.languages import N_
from harkara.console.visitors import FORM, SESSION, AnyVisitor, SignedIn, Viewer, Visitor
from harkara.gateway.addresses import client_of, network_of
from harkara.ledger.users.account import password_hash
from harkara.ledger.users.sessions import end_session, link_owner, sign_in_by_link, sign_in_by_password
from harkara.ledger.users.user import user_id

log = structlog.get_logger(__name__)

router = APIRouter()

_WRONG = N_("Name or password is wrong.")
_TOO_MANY = N_("Too many wrong passwords. Wait a minute, or ask an admin for a one-time link.")

_PAGE = re.compile(r"/[\w-][\w./-]*", re.ASCII)
"""The path of a page of the console; a browser would read `//host` as another site."""


@router.get("/sign-in")
def sign_in_page(visitor: AnyVisitor, next: str = "") -> Response:
    if isinstance(visitor, SignedIn):
        return visitor.redirect(_own_page(next) or "/")
    return _sign_in_page(visitor, next)


@router.post("/sign-in")
def sign_in(visitor: AnyVisitor, form: Form) -> Response:
    _refuse_beside_proxy(visitor)
    if not _may_try(visitor, form["name"]):
        return _sign_in_page(visitor, form["next"], 429, _TOO_MANY)
    secret = _session(visitor, form)
    if secret is None:
        log.warning("sign-in refused", action="sign_in_refused")
        return _sign_in_page(visitor, form["next"], 401, _WRONG)
    visitor.console.failed_passwords.forgive(_keys(visitor, form["name"]))
    return start(visitor, secret, _own_page(form["next"]) or "/")


@router.get("/link/{secret}")
def link_page(visitor: AnyVisitor, secret: str) -> Response:
    """Show a button: programs that look at links in chats and mails would use the link up."""
    _refuse_beside_proxy(visitor)
    owner = link_owner(visitor.console.db, secret)
    if owner is None:
        return visitor.page("link.html", 410, owner=None, secret="")
    return visitor.page("link.html", owner=owner, secret=secret)


@router.post("/link/{secret}")
def use_link(visitor: AnyVisitor, form: Form, secret: str) -> Response:
    _refuse_beside_proxy(visitor)
    session = sign_in_by_link(visitor.console.db, secret, visitor.console.session)
    if session is None:
        return visitor.page("link.html", 410, owner=None, secret="")
    return start(visitor, session, "/account")


@router.post("/sign-out")
def sign_out(visitor: Viewer, form: Form) -> Response:
    if visitor.session is not None:
        end_session(visitor.console.db, visitor.session, by=visitor.actor)
    response = visitor.redirect("/sign-in")
    visitor.delete_cookie(response, SESSION)
    return response


def start(visitor: Visitor, secret: str, path: str) -> Response:
    """Return the answer to a sign-in: a session with a new secret, so that one that another person knows is void.

    The session that the browser had before ends.
    """
    if isinstance(visitor, SignedIn) and visitor.session is not None:
        end_session(visitor.console.db, visitor.session, by=visitor.actor)
    response = visitor.redirect(path)
    visitor.set_cookie(response, SESSION, secret, int(visitor.console.session.total_seconds()))
    visitor.delete_cookie(response, FORM)
    return response


def _sign_in_page(visitor: Visitor, path: str, status: int = 200, problem: str | None = None) -> Response:
    by_proxy = visitor.console.proxy_user is not None
    return visitor.page("sign_in.html", status, next=_own_page(path), problem=problem, by_proxy=by_proxy)


def _own_page(path: str) -> str:
    """Return the path if it is one of the console, else the empty text."""
    return path if _PAGE.fullmatch(path) else ""


def _refuse_beside_proxy(visitor: Visitor) -> None:
    """A deployment whose proxy signs people in has no other way in. Raises HTTPException 404."""
    if visitor.console.proxy_user is not None:
        raise HTTPException(404)


def _session(visitor: Visitor, form: FormFields) -> str | None:
    db, name = visitor.console.db, form["name"]
    known = password_hash(db, name)
    if not visitor.console.passwords.check(form["password"], known) or known is None:
        return None
    return sign_in_by_password(db, name, known, visitor.console.session)


def _may_try(visitor: Visitor, name: str) -> bool:
    return not visitor.console.failed_passwords.begin(_keys(visitor, name), time.monotonic())


def _keys(visitor: Visitor, name: str) -> tuple[str, str]:
    return f"name {user_id(name)}", f"address {network_of(client_of(visitor.request))}"
