"""Raw messages of every type but the interactive ones, which have a file of their own."""

from __future__ import annotations

from typing import Any

from sandbox.answers import broken
from sandbox.rules.interactive import check_interactive
from sandbox.rules.media import FORMATS, check_media
from sandbox.rules.shape import a_mapping, a_number, a_string, an_array, an_optional_string
from sandbox.rules.text import check_text, is_one_emoji

CONTACTS_MAX = 257
TYPES = ("text", *FORMATS, "interactive", "location", "contacts", "reaction")


def check_payload(payload: Any, field: str) -> None:
    """`{"type": T, T: …}`; Cloud API's own keys beside them (`to`, `messaging_product`) are ignored."""
    kind = a_mapping(payload, field).get("type")
    if kind not in TYPES:
        raise broken(f"{field}.type", f"must be one of {', '.join(TYPES)}")
    content, field = payload.get(kind), f"{field}.{kind}"
    if kind in FORMATS:
        check_media(content, kind, field)
    else:
        _CHECKS[kind](content, field)


def _check_text_object(text: Any, field: str) -> None:
    check_text(a_mapping(text, field).get("body"), f"{field}.body")


def _check_location(location: Any, field: str) -> None:
    """Chat Mitra docs, Location Messages."""
    location = a_mapping(location, field)
    a_number(location.get("latitude"), f"{field}.latitude", least=-90, most=90)
    a_number(location.get("longitude"), f"{field}.longitude", least=-180, most=180)
    an_optional_string(location.get("name"), f"{field}.name")
    an_optional_string(location.get("address"), f"{field}.address")


def _check_contacts(contacts: Any, field: str) -> None:
    for index, contact in enumerate(an_array(contacts, field, most=CONTACTS_MAX)):
        at = f"{field}[{index}]"
        name = a_mapping(a_mapping(contact, at).get("name"), f"{at}.name")
        a_string(name.get("formatted_name"), f"{at}.name.formatted_name")
        phones = an_array(contact.get("phones", []), f"{at}.phones", least=0, most=20)
        for place, phone in enumerate(phones):
            a_string(a_mapping(phone, f"{at}.phones[{place}]").get("phone"), f"{at}.phones[{place}].phone")


def _check_reaction(reaction: Any, field: str) -> None:
    """One emoji, or an empty string, which takes the reaction back."""
    reaction = a_mapping(reaction, field)
    a_string(reaction.get("message_id"), f"{field}.message_id")
    emoji = reaction.get("emoji")
    if not isinstance(emoji, str) or (emoji and not is_one_emoji(emoji)):
        raise broken(f"{field}.emoji", "must be one emoji, or empty")


_CHECKS = {
    "text": _check_text_object,
    "interactive": check_interactive,
    "location": _check_location,
    "contacts": _check_contacts,
    "reaction": _check_reaction,
}
