"""The pages: what they show and do, their headers, and what they never load."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from harkara.console.headers import CONTENT_SECURITY_POLICY
from harkara.ledger.database import Database
from harkara.ledger.users.acts import list_acts, record_act
from harkara.ledger.users.users import add_user, find_user
from harkara.roles import Role
from tests.integration.console.server import BY, Browser, Server, console_of, serve, text_of

PATHS = (
    "/sign-in",
    "/link/none",
    "/account",
    "/now",
    "/campaigns",
    "/people",
    "/money",
    "/acts",
    "/users",
    "/no-such-page",
)
HTML = "<script>alert(1)</script>\"'"

_FROM_ELSEWHERE = re.compile(r"""(?:src|href|action|content)=["']?\s*(?:[a-z]+:)?//""", re.IGNORECASE)
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


@pytest.fixture
def admin(server: Server) -> Browser:
    return server.user("Asha", Role.ADMIN)


def test_every_page_has_the_policy_and_loads_nothing_from_elsewhere(server: Server, admin: Browser) -> None:
    for browser in (admin, server.browser()):
        for path in PATHS:
            page = browser.see(path)
            assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
            assert "unsafe" not in CONTENT_SECURITY_POLICY
            assert page.headers["cache-control"] == "no-store"
            assert {"x-frame-options", "x-content-type-options", "referrer-policy"} <= {*page.headers}
            assert not _FROM_ELSEWHERE.search(page.text)
            assert not _INLINE.search(page.text)


def test_files_are_cached_under_a_url_that_follows_their_content(admin: Browser) -> None:
    urls = re.findall(r'(?:href|src)="(/console/static/[^"]+)"', admin.see("/users").text)
    assert len(urls) == 5
    for url in urls:
        file = admin.get(url)
        assert (file.status_code, "immutable" in file.headers["cache-control"]) == (200, True)
        assert file.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


def test_over_tls_browsers_come_back_over_tls_alone(server: Server) -> None:
    assert "strict-transport-security" not in server.browser().see("/sign-in").headers
    assert "strict-transport-security" in server.browser(headers={"X-Forwarded-Proto": "https"}).see("/sign-in").headers


def test_the_root_of_the_http_api_leads_to_the_console(server: Server) -> None:
    assert server.browser().get("/").headers["location"] == "/console/"
    assert server.browser().get("/console").headers["location"].endswith("/console/")


def test_an_admin_adds_changes_disables_and_enables_a_user(server: Server, admin: Browser) -> None:
    db = server.console.db
    added = admin.submit("/users/add", name="Ravi", role="operator", lane="shop")
    link = re.search(r'value="http://127\.0\.0\.1:\d+/console/link/([^"]+)"', added.text)
    assert link
    ravi = server.browser()
    ravi.sign_in(link[1])
    user = find_user(db, "ravi")
    assert user
    assert (user.role, user.lanes, user.may_use("default")) == (Role.OPERATOR, ("shop",), False)
    assert "already" not in added.text
    taken = admin.submit("/users/add", name="RAVI", role="operator", lane="shop")
    assert "a user of this name exists" in text_of(taken)
    form = taken.text[: taken.text.index("</details>")]
    assert re.findall('value="([^"]+)" (?:selected|checked)', form) == ["operator", "shop"]
    assert admin.submit("/users/change", name="Ravi", role="viewer").headers["location"].endswith("?done=user.changed")
    assert ravi.see("/account").status_code == 200
    assert admin.submit("/users/disable", name="Ravi").status_code == 303
    assert ravi.see("/account").status_code == 303
    assert "this user is disabled" in text_of(admin.submit("/users/link", name="Ravi"))
    assert admin.submit("/users/enable", name="Ravi").status_code == 303
    ravi.sign_in(re.findall(r"/link/([\w-]{43})", admin.submit("/users/link", name="Ravi").text)[0])
    done = [(act.act, act.subject) for act in list_acts(db, name="Asha")]
    assert done == [
        ("link.created", "Ravi"),
        ("user.enabled", "Ravi"),
        ("user.disabled", "Ravi"),
        ("user.changed", "Ravi"),
        ("user.added", "Ravi"),
        ("session.link", ""),
    ]


def test_a_user_of_a_lane_that_is_no_longer_configured_keeps_it(ledger: Database) -> None:
    with serve(console_of(ledger, lanes=("default",))) as server:
        admin = server.user("Asha", Role.ADMIN)
        assert 'name="lane"' not in admin.see("/users").text
        add_user(ledger, "Ravi", Role.VIEWER, ["shop"], by=BY)
        assert 'value="shop" checked' in admin.see("/users").text


def test_wrong_input_is_refused_with_a_sentence(server: Server, admin: Browser) -> None:
    for fields, expected in (
        ({"name": " ", "role": "viewer"}, "must have 1 to 60 characters"),
        ({"name": "R" * 61, "role": "viewer"}, "must have 1 to 60 characters"),
        ({"name": "Ravi", "role": "admin", "lane": "shop"}, "an admin has all lanes"),
        ({"name": "Ravi", "role": "viewer", "lane": "../x"}, "the name of a lane has"),
        ({"name": "Ravi", "role": "owner"}, "This request is not understood."),
    ):
        refused = admin.submit("/users/add", **fields)
        assert refused.status_code == 400
        assert expected in text_of(refused)
        admin.see("/users")
    assert find_user(server.console.db, "Ravi") is None
    for path in ("/users/disable", "/users/change"):
        refused = admin.submit(path, name="ASHA", role="viewer")
        assert "You cannot change or disable yourself" in text_of(refused)
    assert admin.submit("/users/disable", name="Unknown").status_code == 404


def test_a_form_that_is_too_large_is_refused(admin: Browser) -> None:
    assert admin.submit("/users/add", name="x" * 70_000, role="viewer").status_code == 413


def test_html_in_a_name_is_text_on_every_page(server: Server, admin: Browser) -> None:
    added = admin.submit("/users/add", name=HTML, role="viewer").text
    pages = [added, *(admin.see(path).text for path in ("/users", "/acts"))]
    pages.append(admin.submit("/users/add", name=HTML, role="viewer").text)
    pages.append(admin.see("/users?done=" + HTML).text)
    pages.append(admin.see("/acts?name=" + HTML).text)
    link = add_user(server.console.db, "<img src=x>", Role.VIEWER, by=BY)
    mallory = server.browser()
    pages.append(mallory.see(f"/link/{link}").text)
    mallory.submit(f"/link/{link}")
    pages.append(mallory.see("/account").text)
    for page in pages:
        assert "<script>alert" not in page
        assert "<img" not in page
    assert "&lt;script&gt;" in pages[0]
    assert "&lt;img" in pages[-1]


def test_acts_are_listed_by_person_and_in_pages(server: Server, admin: Browser) -> None:
    with server.console.db.write() as tx:
        for number in range(60):
            record_act(tx, BY, "user.changed", f"user {number}")
        record_act(tx, BY, "user.changed", filter="to 919876543210", number=1234567)
    page = admin.see("/acts?name=the+test")
    assert "12,34,567" in page.text
    assert "91••••••3210" in page.text
    assert "919876543210" not in page.text
    older = re.search(r'hx-get="([^"]+)"', page.text)
    assert older
    rest = text_of(admin.get(f"/console/acts{older[1].replace('&amp;', '&')}"))
    assert "user 3 " in rest
    assert "user 59" not in rest
    assert "There are no such acts." in text_of(admin.see("/acts?name=un%00known"))
    assert admin.see("/acts?before=x").status_code == 400


def test_a_user_reads_the_pages_in_their_language(server: Server, admin: Browser) -> None:
    assert "साइन इन करें" in server.browser().see("/sign-in", **{"Accept-Language": "hi-IN,en;q=0.5"}).text
    assert "साइन इन करें" in server.browser().see("/sign-in?lang=hi").text
    admin.submit("/account/language", language="hi")
    page = admin.see("/users")
    assert '<html lang="hi">' in page.text
    assert "उपयोगकर्ता जोड़ें" in page.text
    assert "इस नाम का उपयोगकर्ता पहले से है" in admin.submit("/users/add", name="Asha", role="viewer").text
    assert "ऐसा कोई पन्ना नहीं है" not in admin.see("/account").text
    assert admin.submit("/account/language", language="xx").status_code == 400


def test_a_request_of_htmx_without_a_session_loads_the_sign_in_page(server: Server) -> None:
    answer = server.browser().see("/acts", **{"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/console/sign-in?next=/acts")


def test_a_page_says_that_the_ledger_is_away() -> None:
    away = Database("postgresql://harkara@127.0.0.1:1/none", lock_timeout=0.5)
    with serve(console_of(away)) as server:
        browser = server.browser()
        browser.cookies.set("harkara_session", "any", domain="127.0.0.1", path="/console")
        page = browser.see("/users")
    away.close()
    assert page.status_code == 503
    assert "Messages are safe" in text_of(page)
    assert "127.0.0.1" not in text_of(page)


def test_links_have_the_address_of_the_settings(ledger: Database) -> None:
    with serve(console_of(ledger, url="https://harkara.example.com/console")) as server:
        admin = server.user("Asha", Role.ADMIN)
        page = admin.submit("/users/add", name="Ravi", role="viewer")
        assert 'value="https://harkara.example.com/console/link/' in page.text


def test_no_secret_of_a_link_or_session_is_in_the_ledger(server: Server, admin: Browser) -> None:
    link = add_user(server.console.db, "Ravi", Role.VIEWER, by=BY, lifetime=timedelta(hours=1))
    session = admin.cookies["harkara_session"]
    with server.console.db.read() as tx:
        dump = "\n".join(tx.connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert "Ravi" in dump
    assert link not in dump
    assert session not in dump
