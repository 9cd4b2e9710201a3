"""Names of a person: digits of a phone number, or WhatsApp's user id of a person whose number is hidden."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress

from harkara.errors import Invalid
from harkara.phone import E164, normalize

LONGEST_NAME = 135
"""Characters: a country, `.ENT.` and 128 characters (Meta's docs, Business-scoped user IDs)."""

_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}", re.ASCII)
_DIGITS = re.compile(r"\+?([1-9][0-9]{6,14})", re.ASCII)


def is_user_id(name: str) -> bool:
    """Return whether this is a business-scoped user id such as US.13491208655302741918.

    WhatsApp gives each person one for each business, and another one after a change of the phone number. Usernames are
    no names here: a person may give theirs up, and another person may take it (Meta's docs, Business-scoped user IDs).
    """
    return _USER_ID.fullmatch(name) is not None


def parse_name(text: str, region: str = "IN") -> str:
    """Return the name that an application, a file or an operator means: a user id, or the digits of a number.

    Raises Invalid for the field `to`; the error never quotes the text.
    """
    return text.strip() if isinstance(text, str) and is_user_id(text.strip()) else normalize(text, region)


def normalize_stored(digits: str) -> E164:
    """Return the number that the ledger or a webhook has as digits with their country code. Raises Invalid.

    Read as a person's input, 6581123456 of Singapore would be an Indian mobile number. A possible length is enough: the
    number was validated before, perhaps with newer numbering plans, or WhatsApp itself knows it.
    """
    return normalize(f"+{digits}", strict=False)


def write_name(name: str) -> str:
    """Return the name for a file from which `parse_name` reads it: with a + if its digits alone are another number."""
    try:
        same = parse_name(name) == name
    except Invalid:
        same = False
    return name if same else f"+{name}"


def possible_names(text: str, region: str = "IN") -> tuple[str, ...]:
    """Return the names that a text can mean, the most likely first: what `parse_name` returns, and digits as they are.

    The ledger may hold digits that no numbering plan has, since webhooks contain them.
    """
    names = [_written(text)]
    with suppress(Invalid):
        names.insert(0, parse_name(text, region))
    return tuple(dict.fromkeys(name for name in names if name))


def group_names(links: Iterable[Collection[str]]) -> list[set[str]]:
    """Return the groups that these links make: two links with a name in common belong to one group."""
    group_of: dict[str, set[str]] = {}
    for link in links:
        group = set(link).union(*(group_of.get(name, ()) for name in link))
        group_of.update(dict.fromkeys(group, group))
    return list({id(group): group for group in group_of.values()}.values())


def _written(text: str) -> str | None:
    found = _DIGITS.fullmatch(re.sub(r"[\s().-]", "", text))
    return found[1] if found else None
