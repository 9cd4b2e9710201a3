"""Find HTML tags in a text, but not what only resembles one: `a < b`, `<3`, `mail <a@b.com>`, `<Order>`."""

from __future__ import annotations

import re
from html.parser import HTMLParser

# The elements of the HTML Living Standard, and obsolete ones that people still type.
_ELEMENTS = frozenset(
    """
    a abbr acronym address applet area article aside audio b base basefont bdi bdo big blockquote body br button canvas
    caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset
    figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input
    ins kbd label legend li link main map mark marquee menu meta meter nav noscript object ol optgroup option output p
    param picture pre progress q rp rt ruby s samp script search section select slot small source span strike strong
    style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr
    """.split()
)
_SECTION = "<!["
"""Begins a section of SGML. It is no tag, and Python's parser raises an AssertionError at any that it does not know."""

_DECLARATION = re.compile(r"<!(?:--|doctype\b)", re.IGNORECASE)


def find_html_tag(text: str) -> str | None:
    """Return the first HTML tag of the text as `<name>`, or None."""
    if "<" not in text:
        return None
    if _DECLARATION.search(text):
        return "<!…>"
    tags = _Tags()
    tags.feed(text.replace(_SECTION, " "))
    return next((f"<{name}>" for name in tags.names if name in _ELEMENTS), None)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.names.append(tag)
