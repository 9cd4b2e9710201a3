"""The verbs that occasion updates have in the intake stream; releases share them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from harkara.occasions import Closing, Occasion, OccasionUpdate
from harkara.occasions.rules import ClosedStatus

if TYPE_CHECKING:
    from harkara.intake.entries import Verb

PARSERS: Final[Mapping[str, Callable[[str], OccasionUpdate]]] = {
    "save-occasion": Occasion.from_json,
    "cancel-occasion": Closing.from_json,
    "complete-occasion": Closing.from_json,
    "no-show-occasion": Closing.from_json,
}
"""By verb, how an entry's data becomes an update."""


_CLOSING_VERBS: Final[Mapping[ClosedStatus, Verb]] = {
    "cancelled": "cancel-occasion",
    "completed": "complete-occasion",
    "no-show": "no-show-occasion",
}


def verb_of(update: OccasionUpdate) -> Verb:
    """Return the verb of an update, a key of `PARSERS`."""
    if isinstance(update, Occasion):
        return "save-occasion"
    return _CLOSING_VERBS[update.status]
