"""Every page in Chromium, over a ledger with one of everything: a new page is in these tests by its route.

For a viewer and an admin, on a phone and on a screen, in light and dark colors: it fits, axe finds nothing, the browser
reports no error, and no request goes elsewhere. For each role the Tab key reaches each control.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import filterfalse
from typing import Any
from urllib.parse import urlsplit

import pytest

from harkara.roles import Role
from tests.integration.console.conftest import watch
from tests.integration.console.everything import is_file, serve_everything
from tests.integration.console.in_browser import PHONE, SCREEN, fits, press, signed_in, violations
from tests.integration.console.server import Server

pytestmark = pytest.mark.browser

_OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true; })"

_CONTENT = """
document.querySelector('main').innerHTML.replace(/[0-9a-f]{64}|datetime=".*?<|>[^<]*ago/g, '') + location.pathname
"""
"""What a page shows, without what differs from one request to the next."""

_CONTROLS = """
[...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
  .filter(each => each.type !== 'hidden' && !each.disabled && !each.closest('[aria-hidden]')
    && each.checkVisibility({visibilityProperty: true})
    && !(each.type === 'radio' && !each.checked && document.querySelector(`[name="${each.name}"]:checked`)))
"""
"""What a person can use. The Tab key stops once in a group of radio buttons."""


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    with serve_everything(tmp_path_factory.mktemp("every")) as served:
        yield served


PARTS = 6
"""All pages of a role take longer than a test may on a slow machine."""


@pytest.fixture(params=range(PARTS))
def pages(request: pytest.FixtureRequest, everything: tuple[Server, list[str]]) -> list[str]:
    """The paths of one part of the pages."""
    _, paths = everything
    return list(filterfalse(is_file, paths))[request.param :: PARTS]


@pytest.fixture(scope="module")
def examined() -> set[str]:
    """The contents that axe has seen: most pages show the same to each role."""
    return set()


@pytest.fixture(scope="module")
def traversed() -> set[str]:
    """The contents through which the Tab key has gone."""
    return set()


@pytest.fixture(scope="module", params=list(Role))
def visited(request: pytest.FixtureRequest, chromium: Any, everything: tuple[Server, list[str]]) -> Iterator[Any]:
    """A page of a user of each role, a viewer in Hindi, with what the browser has reported so far."""
    server, _ = everything
    locale = "hi-IN" if request.param is Role.VIEWER else "en-IN"
    context = chromium.new_context(base_url=server.url, viewport=PHONE, locale=locale, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(60_000)
    problems: list[str] = []
    watch(page, urlsplit(server.url).netloc, problems)
    yield signed_in(server, page, f"Any {request.param}", request.param), problems
    context.close()


# An operator sees a part of what an admin sees.
@pytest.mark.parametrize("visited", [Role.VIEWER, Role.ADMIN], indirect=True)
def test_every_page_fits_and_axe_finds_nothing(visited: Any, pages: list[str], examined: set[str]) -> None:
    page, problems = visited
    for path in pages:
        if page.goto(f"/console{path}").status != 200 or (content := page.evaluate(_CONTENT)) in examined:
            continue
        examined.add(content)
        page.evaluate(_OPEN_ALL)
        problems += [f"{path} is wider than a phone"] * (not fits(page))
        problems += [f"{path}: {each}" for each in violations(page)]
        page.emulate_media(color_scheme="dark")
        problems += [f"{path}, dark: {each}" for each in violations(page, "color-contrast")]
        page.set_viewport_size(SCREEN)
        problems += [f"{path} is wider than the screen"] * (not fits(page))
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="light")
    assert "\n".join(problems) == ""


def test_the_tab_key_reaches_every_control(visited: Any, pages: list[str], traversed: set[str]) -> None:
    page, problems = visited
    for path in pages:
        if page.goto(f"/console{path}").status != 200 or (content := page.evaluate(_CONTENT)) in traversed:
            continue
        traversed.add(content)
        page.evaluate(_OPEN_ALL)
        page.evaluate("window.reached = new Set(); document.addEventListener('focusin', e => reached.add(e.target))")
        controls = page.evaluate(f"{_CONTROLS}.length")
        for _ in range(3):  # a time has several fields
            press(page, *["Tab"] * controls)
            missed = page.evaluate(f"{_CONTROLS}.filter(each => !reached.has(each)).map(each => each.outerHTML)")
            if not missed:
                break
        problems += [f"{path}: the Tab key does not reach {each}" for each in missed]
    assert "\n".join(problems) == ""
