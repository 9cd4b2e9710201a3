"""Parse what people choose in WhatsApp's own menu: to stop, or to resume, a business's marketing messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harkara.inbound.contact import ConsentAction
from harkara.inbound.normalization import clean_text

EVENT_NAMES = frozenset({"user.preferences", "user.preference", "user.preferences.updated"})
"""Meta's name is `user_preferences`. How Chat Mitra passes it on is not documented; underscores are read as dots."""

_LIST = "user_preferences"
_ACTIONS: dict[str, ConsentAction] = {"stop": "opt-out", "resume": "opt-in"}


def split_preferences(fields: object) -> Iterator[object]:
    """Yield an event for each of several preferences, since each event of the ledger is about one person."""
    choices = fields.get(_LIST) if isinstance(fields, dict) else None
    if isinstance(fields, dict) and isinstance(choices, list) and len(choices) > 1:
        yield from ({**fields, _LIST: [choice]} for choice in choices)
    else:
        yield fields


def parse_preference(fields: Mapping[str, Any]) -> tuple[Mapping[str, Any], ConsentAction, str] | None:
    """Return the fields that name the person, their choice about marketing, and its words as proof.

    The fields are Meta's: `wa_id`, `category`, `value`, `detail`, `timestamp`. None if it is about anything else.
    """
    match fields:
        case {"user_preferences": [dict(inner)] | dict(inner)} | {"preference": dict(inner)}:
            choice = {**fields, **inner}
        case _:
            choice = dict(fields)
    value, category = clean_text(choice.get("value")), choice.get("category")
    action = _ACTIONS.get((value or "").strip().lower())
    if action is None or category not in ("marketing_messages", "marketing"):
        return None
    return choice, action, clean_text(choice.get("detail")) or f"{category}: {value}"
