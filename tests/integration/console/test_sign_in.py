"""Sign in by a one-time link or a password, and lose the session."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harkara.console.passwords import MOST_WRONG
from harkara.ledger.database import Database
from harkara.ledger.users.account import set_password
from harkara.ledger.users.sessions import user_of_session
from harkara.ledger.users.users import add_user, disable_user, enable_user, find_user, new_link
from harkara.roles import Role
from tests.integration.console.server import BY, PASSWORD, Browser, Server, console_of, serve, text_of


@pytest.fixture
def asha(server: Server) -> str:
    """A user with a password; returns the name."""
    add_user(server.console.db, "Asha", Role.ADMIN, by=BY)
    user = find_user(server.console.db, "Asha")
    assert user
    set_password(server.console.db, user, server.console.passwords.hash(PASSWORD), timedelta(hours=1))
    return "Asha"


def enter(browser: Browser, name: str, password: str, **more: str) -> int:
    browser.see("/sign-in")
    return browser.submit("/sign-in", name=name, password=password, **more).status_code


def signed_in(browser: Browser) -> bool:
    return browser.see("/account").status_code == 200


def test_a_link_signs_in_once_and_looking_at_it_does_not_use_it_up(server: Server) -> None:
    link = add_user(server.console.db, "Asha", Role.VIEWER, by=BY)
    browser, other = server.browser(), server.browser()
    for each in (browser, other):
        assert "signs you in once, as Asha." in text_of(each.see(f"/link/{link}"))
    assert browser.submit(f"/link/{link}").headers["location"] == "/console/account"
    assert signed_in(browser)
    assert other.submit(f"/link/{link}").status_code == 410
    assert "was used, has expired" in text_of(other.see(f"/link/{link}"))
    assert not signed_in(other)


def test_an_expired_and_a_replaced_link_sign_no_user_in(server: Server) -> None:
    db, browser = server.console.db, server.browser()
    expired = add_user(db, "Asha", Role.VIEWER, by=BY, lifetime=timedelta())
    replaced = new_link(db, "Asha", by=BY)
    new_link(db, "Asha", by=BY)
    browser.see("/sign-in")
    for link in (expired, replaced, "made-up"):
        assert browser.see(f"/link/{link}").status_code == 410
        browser.see("/sign-in")
        assert browser.submit(f"/link/{link}").status_code == 410
    assert not signed_in(browser)


def test_a_session_known_before_the_sign_in_is_void_after_it(server: Server, asha: str) -> None:
    browser, attacker = server.browser(), server.browser()
    browser.cookies.set("harkara_session", "known", domain="127.0.0.1", path="/console")
    attacker.cookies.set("harkara_session", "known", domain="127.0.0.1", path="/console")
    assert enter(browser, asha, PASSWORD) == 303
    first = browser.cookies["harkara_session"]
    assert first != "known"
    assert not signed_in(attacker)
    assert "harkara_form" not in browser.cookies
    browser.sign_in(new_link(server.console.db, asha, by=BY))
    assert browser.cookies["harkara_session"] not in (first, "known")
    assert user_of_session(server.console.db, first) is None


def test_a_cookie_is_for_this_site_alone_and_no_script_reads_it(server: Server) -> None:
    link = add_user(server.console.db, "Asha", Role.VIEWER, by=BY)
    plain, tls = server.browser(), server.browser(headers={"X-Forwarded-Proto": "https"})
    for browser, secure in ((plain, False), (tls, True)):
        cookie = browser.see(f"/link/{link}").headers["set-cookie"].lower()
        assert {"httponly", "samesite=strict", "path=/console"} <= {part.strip() for part in cookie.split(";")}
        assert ("secure" in cookie) is secure
    cookies = plain.submit(f"/link/{link}").headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("harkara_session="))
    assert "HttpOnly" in session
    assert "SameSite=strict" in session


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(server: Server, asha: str) -> None:
    browser = server.browser()
    browser.see("/sign-in")
    wrong = browser.submit("/sign-in", name=asha, password="wrong")
    unknown = browser.submit("/sign-in", name="Unknown\0", password="wrong")
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.text == unknown.text
    assert enter(browser, asha.upper(), PASSWORD) == 303
    assert signed_in(browser)


def test_after_five_wrong_passwords_even_the_right_one_waits_and_a_link_does_not(server: Server, asha: str) -> None:
    browser = server.browser()
    assert [enter(browser, asha, "wrong") for _ in range(MOST_WRONG)] == [401] * MOST_WRONG
    assert enter(browser, asha, PASSWORD) == 429
    assert enter(browser, "Ravi", PASSWORD) == 429, "the address has used its tries up"
    assert enter(server.browser("127.0.0.2"), asha, PASSWORD) == 429, "the name has"
    assert enter(server.browser("127.0.0.2"), "Ravi", "wrong") == 401
    browser.sign_in(new_link(server.console.db, asha, by=BY))


def test_a_disabled_user_loses_sessions_link_and_password_at_once(server: Server, asha: str) -> None:
    db, browser = server.console.db, server.browser()
    assert enter(browser, asha, PASSWORD) == 303
    link = new_link(db, asha, by=BY)
    disable_user(db, asha, by=BY)
    assert not signed_in(browser)
    assert browser.see(f"/link/{link}").status_code == 410
    assert enter(browser, asha, PASSWORD) == 401
    enable_user(db, asha, by=BY)
    assert not signed_in(browser), "the session does not come back"
    assert enter(browser, asha, PASSWORD) == 303


def test_signing_out_ends_the_session_itself(server: Server) -> None:
    browser, thief = server.user("Asha"), server.browser()
    thief.cookies = browser.cookies
    copy = browser.cookies["harkara_session"]
    browser.submit("/sign-out")
    thief.cookies.set("harkara_session", copy, domain="127.0.0.1", path="/console")
    assert not signed_in(thief)


def test_a_session_ends_after_its_time(ledger: Database) -> None:
    with serve(console_of(ledger, session=timedelta())) as server:
        link = add_user(ledger, "Asha", Role.VIEWER, by=BY)
        browser = server.browser()
        browser.see(f"/link/{link}")
        browser.submit(f"/link/{link}")
        assert not signed_in(browser)


def test_a_new_password_ends_the_other_sessions_and_needs_the_present_one(server: Server, asha: str) -> None:
    browser, other = server.browser(), server.browser()
    assert [enter(each, asha, PASSWORD) for each in (browser, other)] == [303, 303]
    new = {"new": "another good password", "again": "another good password"}
    browser.see("/account")
    assert browser.submit("/account/password", present="wrong", **new).status_code == 400
    assert browser.submit("/account/password", present=PASSWORD, new="short", again="short").status_code == 400
    assert browser.submit("/account/password", present=PASSWORD, new=new["new"], again="x").status_code == 400
    before = browser.cookies["harkara_session"]
    assert browser.submit("/account/password", present=PASSWORD, **new).status_code == 303
    assert browser.cookies["harkara_session"] != before
    assert (signed_in(browser), signed_in(other)) == (True, False)
    assert enter(server.browser(), asha, PASSWORD) == 401
    assert enter(server.browser(), asha, new["new"]) == 303


def test_a_user_ends_the_other_sessions(server: Server, asha: str) -> None:
    browser, other = server.browser(), server.browser()
    assert [enter(each, asha, PASSWORD) for each in (browser, other)] == [303, 303]
    browser.see("/account")
    assert browser.submit("/account/sessions").status_code == 303
    assert (signed_in(browser), signed_in(other)) == (True, False)


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/acts", "/console/acts"),
        ("//evil.example", "/console/"),
        ("https://evil.example", "/console/"),
        ("/\\evil.example", "/console/"),
        ("/acts\r\nX-Evil: 1", "/console/"),
    ],
)
def test_the_way_back_after_the_sign_in_stays_in_the_console(
    server: Server, asha: str, wanted: str, reached: str
) -> None:
    browser = server.browser()
    browser.see("/sign-in")
    answer = browser.submit("/sign-in", name=asha, password=PASSWORD, next=wanted)
    assert answer.headers["location"] == reached
    in_another_tab = browser.get("/console/sign-in", params={"next": wanted})
    assert in_another_tab.headers["location"] == reached


def test_a_link_from_another_site_asks_the_browser_to_come_again_with_its_cookies(server: Server) -> None:
    browser = server.user("Asha", Role.ADMIN)
    stranger = server.browser()
    arrived = stranger.see("/acts", **{"Sec-Fetch-Site": "cross-site"})
    assert arrived.status_code == 200
    assert 'http-equiv="refresh"' in arrived.text
    assert stranger.see("/acts").headers["location"] == "/console/sign-in?next=/acts"
    assert 'href="?next=%2Facts&amp;lang=hi"' in stranger.see("/sign-in?next=/acts").text
    assert browser.see("/acts").status_code == 200
