"""Users: who may use the console, and what each of them may do."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from harkara.console.errors import sentence
from harkara.console.forms import Form, FormFields
from harkara.console.languages import N_
from harkara.console.visitors import Admin, SignedIn
from harkara.errors import Conflict, Invalid, NotFound
from harkara.ledger.users import users
from harkara.ledger.users.user import user_id
from harkara.roles import Role

router = APIRouter()

ROLES = {Role.VIEWER: N_("viewer"), Role.OPERATOR: N_("operator"), Role.ADMIN: N_("admin")}

_ONESELF = N_("You cannot change or disable yourself. Ask another admin.")


@router.get("/users")
def list_users(visitor: Admin) -> Response:
    return _page(visitor)


@router.post("/users/add")
def add_user(visitor: Admin, form: Form) -> Response:
    try:
        secret = users.add_user(visitor.console.db, form["name"], _role(form), form.all("lane"), by=visitor.actor)
    except (Invalid, Conflict) as error:
        return _page(visitor, 400, problem=sentence(error, visitor.language), given=form)
    return _page(visitor, link=_link(visitor, secret), link_of=form["name"])


@router.post("/users/link")
def new_link(visitor: Admin, form: Form) -> Response:
    try:
        secret = users.new_link(visitor.console.db, form["name"], by=visitor.actor)
    except (NotFound, Conflict) as error:
        return _page(visitor, 400, problem=sentence(error, visitor.language))
    return _page(visitor, link=_link(visitor, secret), link_of=form["name"])


@router.post("/users/change")
def change_user(visitor: Admin, form: Form) -> Response:
    if problem := _oneself(visitor, form):
        return problem
    try:
        users.change_user(visitor.console.db, form["name"], _role(form), form.all("lane"), by=visitor.actor)
    except (Invalid, NotFound) as error:
        return _page(visitor, 400, problem=sentence(error, visitor.language))
    return visitor.redirect("/users?done=user.changed")


@router.post("/users/disable")
def disable_user(visitor: Admin, form: Form) -> Response:
    if problem := _oneself(visitor, form):
        return problem
    users.disable_user(visitor.console.db, form["name"], by=visitor.actor)
    return visitor.redirect("/users?done=user.disabled")


@router.post("/users/enable")
def enable_user(visitor: Admin, form: Form) -> Response:
    users.enable_user(visitor.console.db, form["name"], by=visitor.actor)
    return visitor.redirect("/users?done=user.enabled")


def _page(
    visitor: SignedIn,
    status: int = 200,
    *,
    problem: str | None = None,
    given: FormFields | None = None,
    link: str | None = None,
    link_of: str = "",
) -> Response:
    return visitor.page(
        "users.html",
        status,
        users=users.list_users(visitor.console.db),
        roles=ROLES,
        lanes=visitor.console.lanes,
        problem=problem,
        given=given or FormFields([]),
        link=link,
        link_of=link_of,
        by_proxy=visitor.console.proxy_user is not None,
    )


def _oneself(visitor: SignedIn, form: FormFields) -> Response | None:
    if user_id(form["name"]) != visitor.user.id:
        return None
    return _page(visitor, 400, problem=visitor.language.texts.gettext(_ONESELF))


def _role(form: FormFields) -> Role:
    if form["role"] not in {*Role}:
        raise HTTPException(400)
    return Role(form["role"])


def _link(visitor: SignedIn, secret: str) -> str:
    base = visitor.console.url or f"{visitor.request.url.scheme}://{visitor.request.url.netloc}{visitor.base}"
    return f"{base}/link/{secret}"
