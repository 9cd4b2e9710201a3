"""A user of the console as the ledger knows it, and the rules of a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement

from harkara.errors import Invalid
from harkara.ledger.tables import user
from harkara.people.printable import is_printable
from harkara.roles import Role

LONGEST_NAME = 60

_LANE = re.compile(r"[a-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class User:
    """A user. `lanes` is None for all of them; `has_link` says that a one-time link waits to be used."""

    id: str
    name: str
    role: Role
    lanes: tuple[str, ...] | None
    language: str | None
    has_password: bool
    has_link: bool
    created_at: datetime
    signed_in_at: datetime | None
    disabled_at: datetime | None

    @classmethod
    def of(cls, row: Any, now: datetime) -> User:
        """Return the user of a row of `COLUMNS`, at this time."""
        return cls(
            row.id,
            row.name,
            Role(row.role),
            None if row.lanes is None else tuple(row.lanes.split()),
            row.language,
            row.password is not None,
            row.link_expires_at is not None and row.link_expires_at > now and row.disabled_at is None,
            row.created_at,
            row.signed_in_at,
            row.disabled_at,
        )

    def may_use(self, lane: str) -> bool:
        """Return whether the user sees and decides about messages of this lane."""
        return self.lanes is None or lane in self.lanes


_NAMES = (
    "id name role lanes language password link_expires_at created_at signed_in_at disabled_at".split()  # all but `link`
)
COLUMNS: tuple[ColumnElement[Any], ...] = tuple(user.c[name] for name in _NAMES)


def parse_name(text: str) -> str:
    """Return the name as people see it. Raises Invalid."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or not is_printable(name) or len(name) > LONGEST_NAME:
        raise Invalid("name", "must have 1 to 60 characters that can be printed")
    return name


def user_id(name: str) -> str:
    """Return the id of a name: `Asha` and `asha` are one user."""
    printable = "".join(each for each in " ".join(name.split()) if each.isprintable())
    return unicodedata.normalize("NFKC", printable).casefold()[:120]


def stored_lanes(role: Role, lanes: Collection[str]) -> str | None:
    """Return the column `lanes`; no lanes means all. Raises Invalid."""
    if not lanes:
        return None
    if role is Role.ADMIN:
        raise Invalid("lanes", "an admin has all lanes, since an admin can give any lane to any user")
    if not all(map(_LANE.fullmatch, lanes)):
        raise Invalid("lanes", "the name of a lane has 1 to 40 of a-z, 0-9, _ and -")
    return " ".join(sorted(set(lanes)))
