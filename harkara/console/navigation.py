"""The entries of the navigation, in the order in which the frame shows them."""

from __future__ import annotations

from typing import NamedTuple

from harkara.console.languages import N_
from harkara.roles import Role


class Entry(NamedTuple):
    """A page of the navigation, for users of this role and above. The label is translated where it is shown."""

    path: str
    label: str
    role: Role


NAVIGATION = (
    Entry("/now", N_("Now"), Role.VIEWER),
    Entry("/messages", N_("Messages"), Role.VIEWER),
    Entry("/conversations", N_("Conversations"), Role.VIEWER),
    Entry("/assistant", N_("Assistant"), Role.VIEWER),
    Entry("/campaigns", N_("Campaigns"), Role.VIEWER),
    Entry("/calendar", N_("Calendar"), Role.VIEWER),
    Entry("/templates", N_("Templates"), Role.VIEWER),
    Entry("/people", N_("People"), Role.ADMIN),
    Entry("/money", N_("Money"), Role.VIEWER),
    Entry("/health", N_("Health"), Role.VIEWER),
    Entry("/acts", N_("Acts"), Role.ADMIN),
    Entry("/users", N_("Users"), Role.ADMIN),
)
