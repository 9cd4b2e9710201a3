"""Each route of the console is for one role and above, and each form needs its token."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute

from harkara.console.app import PAGES
from harkara.ledger.users.acts import list_acts
from harkara.ledger.users.users import list_users
from harkara.roles import Role
from tests.integration.console.server import Browser, Server

ROUTES: dict[str, Role | None] = {
    "GET /": Role.VIEWER,
    "GET /sign-in": None,
    "POST /sign-in": None,
    "GET /link/{secret}": None,
    "POST /link/{secret}": None,
    "POST /sign-out": Role.VIEWER,
    "GET /account": Role.VIEWER,
    "POST /account/password": Role.VIEWER,
    "POST /account/language": Role.VIEWER,
    "POST /account/sessions": Role.VIEWER,
    "GET /now": Role.VIEWER,
    "POST /now/park": Role.OPERATOR,
    "POST /now/unpark": Role.OPERATOR,
    "GET /messages": Role.VIEWER,
    "POST /messages/search": Role.VIEWER,
    "GET /messages/why": Role.VIEWER,
    "GET /messages/preview": Role.OPERATOR,
    "POST /messages/act": Role.OPERATOR,
    "GET /messages/{key}": Role.VIEWER,
    "GET /messages/{key}/proof": Role.OPERATOR,
    "POST /messages/{key}/proof": Role.OPERATOR,
    "POST /messages/{key}/number": Role.VIEWER,
    "GET /conversations": Role.VIEWER,
    "POST /conversations": Role.VIEWER,
    "GET /conversations/{contact}": Role.VIEWER,
    "POST /conversations/{contact}/reply": Role.OPERATOR,
    "POST /conversations/{contact}/read": Role.OPERATOR,
    "POST /conversations/{contact}/opt-out": Role.OPERATOR,
    "POST /conversations/{contact}/assign": Role.OPERATOR,
    "POST /conversations/{contact}/give-back": Role.OPERATOR,
    "POST /conversations/{contact}/off": Role.OPERATOR,
    "POST /conversations/{contact}/draft/send": Role.OPERATOR,
    "POST /conversations/{contact}/draft/discard": Role.OPERATOR,
    "GET /assistant": Role.VIEWER,
    "GET /assistant/gaps": Role.VIEWER,
    "GET /campaigns": Role.VIEWER,
    "GET /campaigns/new": Role.OPERATOR,
    "POST /campaigns/new": Role.OPERATOR,
    "GET /campaigns/new/{upload}": Role.OPERATOR,
    "GET /campaigns/new/{upload}/check": Role.OPERATOR,
    "GET /campaigns/new/{upload}/rejects.csv": Role.OPERATOR,
    "POST /campaigns/new/{upload}/load": Role.OPERATOR,
    "GET /campaigns/{key}": Role.VIEWER,
    "GET /campaigns/{key}/report.csv": Role.VIEWER,
    "POST /campaigns/{key}/report.csv": Role.OPERATOR,
    "GET /campaigns/{key}/again": Role.OPERATOR,
    "POST /campaigns/{key}/again": Role.OPERATOR,
    "GET /campaigns/{key}/try": Role.OPERATOR,
    "POST /campaigns/{key}/try": Role.OPERATOR,
    "GET /campaigns/{key}/{name}": Role.OPERATOR,
    "POST /campaigns/{key}/{name}": Role.OPERATOR,
    "GET /calendar": Role.VIEWER,
    "GET /calendar/{identity}": Role.VIEWER,
    "GET /calendar/new/{kind}": Role.OPERATOR,
    "POST /calendar/new/{kind}": Role.OPERATOR,
    "POST /calendar/{identity}/save": Role.OPERATOR,
    "POST /calendar/{identity}/close": Role.OPERATOR,
    "POST /calendar/{identity}/remind": Role.OPERATOR,
    "GET /templates": Role.VIEWER,
    "GET /templates/{name}": Role.VIEWER,
    "POST /templates/{name}/test": Role.OPERATOR,
    "GET /health": Role.VIEWER,
    "GET /health/events": Role.VIEWER,
    "GET /health/audit": Role.ADMIN,
    "GET /health/settings": Role.ADMIN,
    "POST /health/acknowledge": Role.OPERATOR,
    "POST /health/audit": Role.ADMIN,
    "POST /health/retry": Role.OPERATOR,
    "GET /money": Role.VIEWER,
    "GET /money/spend.csv": Role.VIEWER,
    "POST /money/budget": Role.OPERATOR,
    "POST /money/budget/remove": Role.OPERATOR,
    "GET /acts": Role.ADMIN,
    "GET /people": Role.ADMIN,
    "POST /people": Role.ADMIN,
    "POST /people/export": Role.ADMIN,
    "POST /people/erase": Role.ADMIN,
    "GET /users": Role.ADMIN,
    "POST /users/add": Role.ADMIN,
    "POST /users/change": Role.ADMIN,
    "POST /users/disable": Role.ADMIN,
    "POST /users/enable": Role.ADMIN,
    "POST /users/link": Role.ADMIN,
}
"""The lowest role of each route, None for those of strangers. A new route needs its line here."""

TOO_LOW = [(route, role) for route, needed in ROUTES.items() if needed for role in Role if not role.permits(needed)]
FOR_USERS = [route for route, role in ROUTES.items() if role]
FORMS = [route for route in ROUTES if route.startswith("POST")]


def ask(browser: Browser, route: str, token: str) -> int:
    method, path = route.split()
    response = browser.request(
        method, f"/console{path}", data={"token": token, "name": "admin"} if method == "POST" else None
    )
    return response.status_code


def test_the_table_has_every_route() -> None:
    routes = [route for module in PAGES for route in module.router.routes if isinstance(route, APIRoute)]
    assert {f"{method} {route.path}" for route in routes for method in route.methods or ()} == ROUTES.keys()


@pytest.mark.parametrize("route", FOR_USERS)
def test_a_stranger_is_sent_to_the_sign_in_page(running: Server, route: str) -> None:
    browser = running.browser()
    browser.see("/sign-in")
    response = browser.request(route.split()[0], f"/console{route.split()[1]}", data={"token": browser.token})
    assert (response.status_code, response.headers["location"].split("?")[0]) == (303, "/console/sign-in")


@pytest.mark.parametrize(("route", "role"), TOO_LOW)
def test_a_user_with_a_lower_role_is_refused(
    running: Server, users: dict[Role, Browser], route: str, role: Role
) -> None:
    acts = len(list_acts(running.console.db))
    assert ask(users[role], route, users[role].token) == 403
    assert len(list_acts(running.console.db)) == acts


@pytest.mark.parametrize("route", FORMS)
def test_a_form_without_its_token_or_with_that_of_another_user_changes_nothing(
    running: Server, users: dict[Role, Browser], route: str
) -> None:
    before = list_users(running.console.db), list_acts(running.console.db)
    for token in ("", "x", "é", users[Role.VIEWER].token):
        assert ask(users[Role.ADMIN], route, token) == 403
    assert (list_users(running.console.db), list_acts(running.console.db)) == before


def test_each_user_starts_on_the_page_now(users: dict[Role, Browser]) -> None:
    assert {browser.see("/").headers["location"] for browser in users.values()} == {"/console/now"}
    assert {browser.see("/now").status_code for browser in users.values()} == {200}
    assert 'href="/console/users"' in users[Role.ADMIN].see("/account").text
    assert 'href="/console/users"' not in users[Role.OPERATOR].see("/account").text
