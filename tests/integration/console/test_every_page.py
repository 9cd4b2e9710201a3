"""What holds for every page, over a ledger with one of everything: a new page is in these tests by its route."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from harkara.console.headers import CONTENT_SECURITY_POLICY
from harkara.console.navigation import NAVIGATION
from harkara.ledger.users.acts import list_acts
from harkara.roles import Role
from tests.integration.console.english_words import english_texts
from tests.integration.console.everything import CODE, HTML, NUMBER, WRITTEN_BY_OTHERS, is_file, serve_everything
from tests.integration.console.plans import Statements, recorded, whole_tables
from tests.integration.console.server import Browser, Server

_NUMBER = re.compile(r"[\s()+-]*".join(NUMBER[2:]))
"""The number in any way of writing it, with or without the code of the country."""


class Elements(HTMLParser):
    """Collects what a browser would run or load, as far as it is not a file of the console."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"img", "iframe", "style"} or (tag == "script" and "src" not in given):
            self.found.add(tag)
        self.found |= {name for name in given if name.startswith("on") or name in {"style", "srcdoc"}}
        for name in {"src", "href", "action", "formaction", "content", "hx-get", "hx-post"} & given.keys():
            address = urlsplit((given[name] or "").strip())
            if address.netloc or address.scheme:
                self.found.add(f"{name} of {tag}")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    with serve_everything(tmp_path_factory.mktemp("every")) as served:
        yield served


@pytest.fixture(scope="module")
def running(everything: tuple[Server, list[str]]) -> Server:
    return everything[0]


@pytest.fixture(scope="module")
def all_paths(everything: tuple[Server, list[str]]) -> list[str]:
    return everything[1]


@pytest.fixture(scope="module")
def statements(running: Server) -> Iterator[Statements]:
    """The queries of the pages."""
    with recorded(running.console.db) as found:
        yield found


@pytest.fixture(scope="module")
def pages(users: dict[Role, Browser], all_paths: list[str], statements: Statements) -> Mapping[tuple[Role, str], str]:
    """The text of each page that each role may see."""
    found = {}
    for role, browser in users.items():
        for path in all_paths:
            statements.page = path.partition("?")[0]
            response = browser.see(path)
            assert response.status_code < 500, path
            if response.status_code == 200:
                assert response.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
                found[role, path] = response.text
    return found


def test_an_admin_sees_every_page_of_the_table(
    pages: Mapping[tuple[Role, str], str], users: dict[Role, Browser], all_paths: list[str]
) -> None:
    redirected = {"/", "/sign-in", "/link/none", "/messages/preview"}
    assert {path for path in all_paths if (Role.ADMIN, path) not in pages} <= redirected
    assert {entry.path for entry in NAVIGATION} <= set(all_paths)


def test_no_page_of_a_viewer_has_a_number_or_a_code(pages: Mapping[tuple[Role, str], str]) -> None:
    of_viewer = {path: unescape(text) for (role, path), text in pages.items() if role is Role.VIEWER}
    assert len(of_viewer) >= len([entry for entry in NAVIGATION if entry.role is Role.VIEWER])
    assert {path for path, text in of_viewer.items() if _NUMBER.search(text)} == set()
    assert {path for path, text in of_viewer.items() if CODE in text} == set()


def test_no_page_of_any_role_has_a_code(pages: Mapping[tuple[Role, str], str]) -> None:
    assert {key for key, text in pages.items() if CODE in text} == set()


def test_what_others_wrote_is_text_on_every_page(pages: Mapping[tuple[Role, str], str]) -> None:
    with_it = {path for (_, path), text in pages.items() if "&lt;img src=x" in text}
    assert {"/acts", "/campaigns", "/health", "/users"} <= with_it
    assert {(role, path) for (role, path), text in pages.items() if "<img src=x" in text and not is_file(path)} == set()
    assert {key for key, text in pages.items() if "&amp;lt;" in text or "&amp;#3" in text} == set(), "escaped twice"


def test_no_page_runs_a_script_of_its_own_or_loads_anything_from_elsewhere(
    pages: Mapping[tuple[Role, str], str],
) -> None:
    assert Elements("<p>" + HTML + ">").found == {"img", "onerror"}
    assert {key: found for key, text in pages.items() if (found := Elements(text).found)} == {}


def test_no_page_reads_a_large_table_of_sqlite_without_a_bound(
    pages: Mapping[tuple[Role, str], str], running: Server, statements: Statements
) -> None:
    assert len(statements) > 50 < len(pages)
    assert whole_tables(running.console.db, statements) == {}


def test_looking_at_pages_is_no_act(pages: Mapping[tuple[Role, str], str], running: Server) -> None:
    assert {act.act for act in list_acts(running.console.db, name="viewer", limit=1000)} == {"session.link"}


def test_no_hindi_page_has_an_english_word(users: dict[Role, Browser], all_paths: list[str]) -> None:
    probe = '<p title="Three words">Chat Mitra <code>no</code> Threefold</p>'
    assert english_texts(probe, ["Three"]) == {"Three words": {"words"}, "Threefold": {"Threefold"}}
    admin = users[Role.ADMIN]
    found: dict[str, set[str]] = {}
    for path in all_paths:
        if not is_file(path):
            found |= english_texts(admin.see(path, **{"Accept-Language": "hi"}).text, WRITTEN_BY_OTHERS)
    assert found == {}
