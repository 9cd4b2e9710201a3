"""The sender of a request: a stranger or a user who has signed in, and the parameters by which a route says who may."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, cast

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from harkara.console.languages import Language, language_of
from harkara.console.parts import Console, Parts
from harkara.console.templating import render
from harkara.ledger.users.acts import Actor
from harkara.ledger.users.secrets import new_secret
from harkara.ledger.users.sessions import user_of_session
from harkara.ledger.users.user import User
from harkara.ledger.users.users import find_user
from harkara.roles import Role

SESSION, FORM = "harkara_session", "harkara_form"
"""The cookies: the secret of a session, and the one for the tokens of forms while there is no session."""


class SignInNeeded(Exception):
    """The page needs a user, and the request has none."""


@dataclass(frozen=True)
class Visitor:
    """The sender of a request. Each form has a token that only the cookie `secret` yields."""

    request: Request
    console: Console
    language: Language
    secret: str
    fresh: bool
    """Whether the secret is new, so that the answer must set it as a cookie."""

    @property
    def known(self) -> User | None:
        """The user, None for a stranger."""
        return None

    @property
    def base(self) -> str:
        """The path at which the console is mounted."""
        return str(self.request.scope["root_path"])

    @property
    def token(self) -> str:
        """The token of each form against requests that another site causes."""
        return sha256(f"form:{self.secret}".encode()).hexdigest()

    def sent(self, token: str) -> bool:
        """Return whether this is the token of a form that this visitor got."""
        return not self.fresh and hmac.compare_digest(token.encode(), self.token.encode())

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return the page of a template."""
        response = HTMLResponse(render(self, template, values), status)
        if self.fresh:
            self.set_cookie(response, FORM, self.secret)
        return response

    def redirect(self, path: str) -> RedirectResponse:
        """Return a redirect to a page of the console, such as `/users`."""
        return RedirectResponse(f"{self.base}{path}", 303)

    def set_cookie(self, response: Response, name: str, secret: str, max_age: int | None = None) -> None:
        response.set_cookie(
            name,
            secret,
            max_age,
            path=self.base or "/",
            secure=self.request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    def delete_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path=self.base or "/", httponly=True, samesite="strict")


@dataclass(frozen=True)
class SignedIn(Visitor):
    """A user who has signed in. `session` is the secret of the session, None if a proxy has signed the user in."""

    user: User
    session: str | None

    @property
    def known(self) -> User:
        return self.user

    @property
    def lanes(self) -> list[str]:
        """The configured lanes that the user may see."""
        return [lane for lane in self.console.lanes if self.user.may_use(lane)]

    @property
    def may_decide(self) -> bool:
        """Whether the user decides about messages, and sees whole numbers."""
        return self.user.role.permits(Role.OPERATOR)

    @property
    def actor(self) -> Actor:
        """The user as the log of acts names them."""
        return Actor(self.user.name, "console")


def _visitor(request: Request, console: Parts) -> Visitor:
    session = None if console.proxy_user else request.cookies.get(SESSION)
    user = _user(request, console, session)
    secret = session if user and session else request.cookies.get(FORM)
    visitor = Visitor(request, console, language_of(request, user), secret or new_secret(), secret is None)
    request.state.visitor = SignedIn(**vars(visitor), user=user, session=session) if user else visitor
    return cast(Visitor, request.state.visitor)


def _user(request: Request, console: Console, session: str | None) -> User | None:
    if console.proxy_user:
        name = console.proxy_user.name(request)
        user = find_user(console.db, name) if name else None
        return user if user and user.disabled_at is None else None
    return user_of_session(console.db, session) if session else None


AnyVisitor = Annotated[Visitor, Depends(_visitor)]
"""The sender of the request, as a parameter of a route that needs no user."""


class _AtLeast:
    """A dependency that returns the user of a request, and refuses one whose role is lower."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, visitor: AnyVisitor) -> SignedIn:
        if not isinstance(visitor, SignedIn):
            raise SignInNeeded
        if not visitor.user.role.permits(self.role):
            raise HTTPException(403)
        return visitor


Viewer = Annotated[SignedIn, Depends(_AtLeast(Role.VIEWER))]
Operator = Annotated[SignedIn, Depends(_AtLeast(Role.OPERATOR))]
Admin = Annotated[SignedIn, Depends(_AtLeast(Role.ADMIN))]
