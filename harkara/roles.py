"""The roles of the people who use the console."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a user may do. Each role may also do what those before it may."""

    VIEWER = "viewer"  # sees pages, with phone numbers masked
    OPERATOR = "operator"  # also decides about messages, campaigns and conversations
    ADMIN = "admin"  # also manages users, and reads the log of acts

    def permits(self, needed: Role) -> bool:
        """Return whether a user of this role may do what needs `needed`."""
        return _ORDER.index(self) >= _ORDER.index(needed)


_ORDER = tuple(Role)
