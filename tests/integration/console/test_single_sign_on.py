"""A proxy names the user in a header, and no other peer is believed."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from harkara.console import ProxyUser
from harkara.ledger.database import Database
from harkara.ledger.users.users import add_user, disable_user
from harkara.roles import Role
from tests.integration.console.server import BY, Server, console_of, serve, text_of

PROXY = "127.0.0.9"
ASHA = {"X-Forwarded-User": "ASHA"}


@pytest.fixture
def proxied(ledger: Database) -> Iterator[Server]:
    add_user(ledger, "Asha", Role.ADMIN, by=BY)
    proxy_user = ProxyUser("X-Forwarded-User", [ip_network(f"{PROXY}/32")])
    with serve(console_of(ledger, proxy_user=proxy_user)) as server:
        yield server


def test_the_proxy_signs_a_user_in_and_their_forms_have_tokens(proxied: Server) -> None:
    browser = proxied.browser(PROXY, headers=ASHA)
    assert "Sign out" not in text_of(browser.see("/users"))
    assert browser.submit("/users/add", name="Ravi", role="viewer").status_code == 200
    assert browser.post("/console/users/disable", data={"name": "Ravi"}).status_code == 403
    assert browser.submit("/users/disable", name="Ravi").status_code == 303


@pytest.mark.parametrize("more", [{}, {"X-Forwarded-For": PROXY}, {"X-Forwarded-For": f"{PROXY}, {PROXY}"}])
def test_the_header_of_another_peer_is_ignored(proxied: Server, more: dict[str, str]) -> None:
    """127.0.0.1 is a trusted proxy for the client's address, and that does not make it one for names."""
    browser = proxied.browser(headers=ASHA | more)
    assert browser.see("/users").status_code == 303
    assert "Your organization signs people in" in text_of(browser.see("/sign-in"))


def test_a_name_is_needed_once_and_must_be_that_of_a_user(proxied: Server) -> None:
    assert proxied.browser(PROXY).see("/users").status_code == 303
    assert proxied.browser(PROXY, headers={"X-Forwarded-User": "Mallory"}).see("/users").status_code == 303
    twice = [("X-Forwarded-User", "Asha"), ("X-Forwarded-User", "Ravi")]
    assert proxied.browser(PROXY, headers=twice).see("/users").status_code == 303
    add_user(proxied.console.db, "आशा", Role.VIEWER, by=BY)
    hindi = proxied.browser(PROXY, headers={"X-Forwarded-User": "आशा".encode()})
    assert "आशा" in text_of(hindi.see("/account"))


def test_a_disabled_user_is_refused(proxied: Server) -> None:
    browser = proxied.browser(PROXY, headers=ASHA)
    assert browser.see("/account").status_code == 200
    disable_user(proxied.console.db, "Asha", by=BY)
    assert browser.see("/account").status_code == 303


def test_there_are_no_passwords_and_no_links_beside_the_proxy(proxied: Server) -> None:
    link = add_user(proxied.console.db, "Ravi", Role.VIEWER, by=BY)
    browser = proxied.browser(PROXY, headers=ASHA)
    browser.see("/account")
    assert browser.see(f"/link/{link}").status_code == 404
    for path in (f"/link/{link}", "/sign-in", "/account/password", "/account/sessions"):
        assert browser.submit(path, name="Asha", password="x", new="x", again="x").status_code == 404
