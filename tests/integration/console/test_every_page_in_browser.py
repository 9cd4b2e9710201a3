"""Every page in Chromium, over a ledger with one of everything: a new page is in these tests by its route.

For a viewer and an admin, on a phone and on a screen, in light and dark colors: it fits, axe finds nothing, the browser
reports no error, and no request goes elsewhere. For each role the Tab key reaches each control. What takes axe longest,
the contrast of a text, it computes once for each pair of colors.
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
from tests.integration.console.in_browser import OPEN_ALL, PHONE, SCREEN, fits, signed_in, violations
from tests.integration.console.server import Server

pytestmark = pytest.mark.browser

_CONTENT = """
document.querySelector('main').innerHTML.replace(/[0-9a-f]{64}|datetime=".*?<|>[^<]*ago/g, '') + location.pathname
"""
"""What a page shows, without what differs from one request to the next."""

_APPEARANCES = """
[...new Set([...document.querySelectorAll('body *')]
  .filter(each => each.matches('input, select, textarea')
    || [...each.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim()))
  .map(each => {
    const {color, fontSize, fontWeight, textShadow} = getComputedStyle(each);
    const isLarge = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24);
    const appearance = [color, isLarge, textShadow];
    let covered = false;
    for (let at = each; at; at = at.parentElement) {
      const {backgroundColor, backgroundImage, opacity} = getComputedStyle(at);
      appearance.push(opacity, ...(covered ? [] : [backgroundColor, backgroundImage]));
      covered ||= backgroundColor.startsWith('rgb(');
    }
    return appearance.filter(value => !['rgba(0, 0, 0, 0)', 'none', '1'].includes(value)).join('; ');
  }))]
"""
"""All that the contrast of a text depends on, for each text: its color and size, and what is behind it."""

_CONTROLS = """
[...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
  .filter(each => each.type !== 'hidden' && !each.disabled && !each.closest('[aria-hidden]')
    && (window.whole || each.closest('main, footer'))
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
def appearances() -> set[str]:
    """The appearances of texts whose contrast axe has computed."""
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
def test_every_page_fits_and_axe_finds_nothing(
    visited: Any, pages: list[str], examined: set[str], appearances: set[str]
) -> None:
    page, problems = visited
    for path in pages:
        if page.goto(f"/console{path}").status != 200 or (content := page.evaluate(_CONTENT)) in examined:
            continue
        examined.add(content)
        page.evaluate(OPEN_ALL)
        problems += [f"{path} is wider than a phone"] * (not fits(page))
        problems += [f"{path}: {each}" for each in violations(page, contrast=has_new(appearances, page))]
        page.emulate_media(color_scheme="dark")
        if has_new(appearances, page):
            problems += [f"{path}, dark: {each}" for each in violations(page, "color-contrast")]
        page.set_viewport_size(SCREEN)
        problems += [f"{path} is wider than the screen"] * (not fits(page))
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="light")
    assert "\n".join(problems) == ""


def has_new(appearances: set[str], page: Any) -> bool:
    """Whether a text of the page has none of these appearances; add those that it has."""
    known = len(appearances)
    appearances.update(page.evaluate(_APPEARANCES))
    return len(appearances) > known


def test_the_tab_key_reaches_every_control(visited: Any, pages: list[str], traversed: set[str]) -> None:
    page, problems = visited
    whole = True  # all pages of a role have the same navigation
    for path in pages:
        if page.goto(f"/console{path}").status != 200 or (content := page.evaluate(_CONTENT)) in traversed:
            continue
        traversed.add(content)
        page.evaluate(OPEN_ALL)
        page.evaluate("window.reached = new Set(); document.addEventListener('focusin', e => reached.add(e.target))")
        controls = page.evaluate(f"window.whole = {str(whole).lower()}; {_CONTROLS}.length")
        if not whole:
            page.focus("main")
        whole = False
        for _ in range(3):  # a time has several fields
            hold(page, "Tab", controls)
            missed = page.evaluate(f"{_CONTROLS}.filter(each => !reached.has(each)).map(each => each.outerHTML)")
            if not missed:
                break
        problems += [f"{path}: the Tab key does not reach {each}" for each in missed]
    assert "\n".join(problems) == ""


def hold(page: Any, key: str, times: int) -> None:
    """Hold a key down until it has repeated so often."""
    for _ in range(times):
        page.keyboard.down(key)
    page.keyboard.up(key)
