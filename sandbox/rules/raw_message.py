"""Raw messages of every type; `interactive.py` has the rules of interactive ones."""

from __future__ import annotations

from typing import Any

from sandbox.responses import invalid_field
from sandbox.rules.field_types import check_number, check_optional_string, require_array, require_object, require_string
from sandbox.rules.interactive import check_interactive
from sandbox.rules.media import FORMATS, check_media
from sandbox.rules.text import check_text, is_one_emoji

CONTACTS_MAX = 257
TYPES = ("text", *FORMATS, "interactive", "location", "contacts", "reaction")


def check_payload(payload: Any, field: str) -> None:
    """Check `{"type": T, T: …}`, and ignore the Cloud API's other keys (`to`, `messaging_product`)."""
    kind = require_object(payload, field).get("type")
    if kind not in TYPES:
        raise invalid_field(f"{field}.type", f"must be one of {', '.join(TYPES)}")
    content, field = payload.get(kind), f"{field}.{kind}"
    if kind in FORMATS:
        check_media(content, kind, field)
    else:
        _CHECKS[kind](content, field)


def _check_text_object(text: Any, field: str) -> None:
    check_text(require_object(text, field).get("body"), f"{field}.body")


def _check_location(location: Any, field: str) -> None:
    """Check a location (Chat Mitra docs, Location Messages)."""
    location = require_object(location, field)
    check_number(location.get("latitude"), f"{field}.latitude", least=-90, most=90)
    check_number(location.get("longitude"), f"{field}.longitude", least=-180, most=180)
    check_optional_string(location.get("name"), f"{field}.name")
    check_optional_string(location.get("address"), f"{field}.address")


def _check_contacts(contacts: Any, field: str) -> None:
    for index, contact in enumerate(require_array(contacts, field, most=CONTACTS_MAX)):
        at = f"{field}[{index}]"
        name = require_object(require_object(contact, at).get("name"), f"{at}.name")
        require_string(name.get("formatted_name"), f"{at}.name.formatted_name")
        phones = require_array(contact.get("phones", []), f"{at}.phones", least=0, most=20)
        for place, phone in enumerate(phones):
            require_string(require_object(phone, f"{at}.phones[{place}]").get("phone"), f"{at}.phones[{place}].phone")


def _check_reaction(reaction: Any, field: str) -> None:
    """Require one emoji, or an empty string, which removes the reaction."""
    reaction = require_object(reaction, field)
    require_string(reaction.get("message_id"), f"{field}.message_id")
    emoji = reaction.get("emoji")
    if not isinstance(emoji, str) or (emoji and not is_one_emoji(emoji)):
        raise invalid_field(f"{field}.emoji", "must be one emoji, or empty")


_CHECKS = {
    "text": _check_text_object,
    "interactive": check_interactive,
    "location": _check_location,
    "contacts": _check_contacts,
    "reaction": _check_reaction,
}
