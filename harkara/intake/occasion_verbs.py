"""The verbs that occasion updates have in the intake stream; releases share them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from harkara.occasions import Closing, Occasion, OccasionUpdate

if TYPE_CHECKING:
    from harkara.intake.stream import Verb

PARSERS: Final[Mapping[str, Callable[[str], OccasionUpdate]]] = {
    "save-occasion": Occasion.from_json,
    "cancel-occasion": Closing.from_json,
    "complete-occasion": Closing.from_json,
}
"""By verb, how an entry's data becomes an update."""


def verb_of(update: OccasionUpdate) -> Verb:
    """Return the verb of an update, a key of `PARSERS`."""
    if isinstance(update, Occasion):
        return "save-occasion"
    return "cancel-occasion" if update.status == "cancelled" else "complete-occasion"
