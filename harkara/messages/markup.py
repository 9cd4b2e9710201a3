"""Find markup in a text, but not what only resembles it: `snake_case`, `~500`, `a_b@example.com`, `Name: ____`."""

from __future__ import annotations

import regex

# A mark opens before a word and closes after one, as WhatsApp renders it (WhatsApp Help Center, "How to format your
# messages"). Between two letters or digits, as in snake_case, it is an ordinary character.
_MARKS = r"(?P<mark>_++|~++|`++)"
_OPENS = regex.compile(
    rf"(?<=^|[\s(\[{{\"'“‘*_~`:;,.!?|—–]){_MARKS}(?=[\p{{L}}\p{{M}}\p{{N}}\p{{Sc}}\p{{So}}\"'“‘(\[{{*#+&])"
)
_CLOSES = regex.compile(rf"(?<=[^\s(\[{{“‘_~`]){_MARKS}(?=$|[\s)\]}}\"'”’*_~`:;,.!?|—–।॥])")
_LINK = regex.compile(r"\[[^\[\]\n]+\]\((?:[a-z][a-z0-9+.-]*:|www\.)[^\s()]*\)", regex.IGNORECASE)
_WORD = regex.compile(r"\S+")
_FENCE = "```"
_SIGNS = ("_", "~", "`", "](")


def find_markup(text: str) -> str | None:
    """Return the first pair of marks of the text, such as `_…_`, or None.

    Pairs are _italic_, ~strike~ and `code` on one line, ```code``` on any, and [links](https://example.com). Marks
    within a link or an address do not count.
    """
    if not any(sign in text for sign in _SIGNS):
        return None
    if any(part.strip() for part in text.split(_FENCE)[1:-1]):
        return f"{_FENCE}…{_FENCE}"
    if _LINK.search(text):
        return "[…](…)"
    return next((pair for line in _without_addresses(text).splitlines() if (pair := _first_pair(line))), None)


def _without_addresses(text: str) -> str:
    """Replace every word with a link, an e-mail address or a user name."""
    return _WORD.sub(lambda word: "x" if any(sign in word[0] for sign in ("://", "www.", "@")) else word[0], text)


def _first_pair(line: str) -> str | None:
    opening = {found.start(): found["mark"][0] for found in _OPENS.finditer(line)}
    closing = {found.start(): found["mark"][0] for found in _CLOSES.finditer(line)}
    opened: set[str] = set()
    for at in sorted(opening.keys() | closing.keys()):
        if (sign := closing.get(at)) in opened:
            return f"{sign}…{sign}"
        if at in opening:
            opened.add(opening[at])
    return None
