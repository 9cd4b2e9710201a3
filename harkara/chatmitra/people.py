"""Parse the people in Chat Mitra's webhooks: senders, recipients, and the notice of a changed number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from harkara.chatmitra.fields import parse_phone_number, parse_user_id
from harkara.inbound.normalization import clean_text

T = TypeVar("T")


class Fields(Protocol):
    """The fields of an event, in which one value may stand under several names."""

    def first(self, parse_value: Callable[[object], T | None], *names: str) -> T | None:
        """Return the first value under one of these names that can be parsed."""
        ...


_SENDER = ("from", "sender")
_PROFILE_NAME = ("profile_name", "profileName", "sender_name", "customer_name")
_CHOOSER = ("wa_id", *_SENDER, "phone", "contact", "customer")
_RECIPIENT = ("to", "recipient", "recipient_mobile_number", "recipient_id", "contact", "customer", "wa_id")

# Meta's docs, Business-scoped user IDs: the names of the fields beside `from`, and beside `recipient_id` of a status.
_SENDER_ID = ("from_user_id", "user_id", *_SENDER)
_SENDER_PARENT_ID = ("from_parent_user_id", "parent_user_id")
_RECIPIENT_ID = ("recipient_user_id", "user_id", "to", "recipient", "recipient_id")
_RECIPIENT_PARENT_ID = ("recipient_parent_user_id", "parent_user_id")


def parse_sender(fields: Fields) -> tuple[str | None, tuple[str, ...]]:
    """Return the number of the sender, None if it is hidden, and the user ids."""
    return fields.first(parse_phone_number, *_SENDER), _user_ids(fields, _SENDER_ID, _SENDER_PARENT_ID)


def parse_chooser(fields: Fields) -> tuple[str | None, tuple[str, ...]]:
    """Return the same of a person who chose in WhatsApp's own menu; Meta names the person by `wa_id`."""
    return fields.first(parse_phone_number, *_CHOOSER), _user_ids(fields, _SENDER_ID, _SENDER_PARENT_ID)


def parse_recipient(fields: Fields) -> tuple[str | None, tuple[str, ...]]:
    """Return the number of the recipient, None if it is hidden, and the user ids."""
    return fields.first(parse_phone_number, *_RECIPIENT), _user_ids(fields, _RECIPIENT_ID, _RECIPIENT_PARENT_ID)


def parse_profile_name(fields: Fields) -> str | None:
    """Return the name that the sender has chosen to show.

    Meta's docs, Webhooks: `contacts[].profile.name`. Chat Mitra documents none; it is read where it may stand.
    """
    return fields.first(clean_text, *_PROFILE_NAME) or fields.first(_name_of_profile, "profile", "contact", "contacts")


def _name_of_profile(value: object) -> str | None:
    match value:
        case {"profile": {"name": str(name)}} | [{"profile": {"name": str(name)}}, *_]:
            return clean_text(name)
        case {"name": str(name)}:
            return clean_text(name)
    return None


def parse_change(fields: Fields, message: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the names before and after a change that a system message reports; None if it reports no change.

    Meta's docs, System messages: `user_changed_number` has the new number in `wa_id`, which was `new_wa_id` before, and
    `user_changed_user_id` has the new user id in `user_id`. The sender is the person as known before.
    """
    system = message.get("system")
    if not isinstance(system, dict):
        return None
    number, user_ids = parse_sender(fields)
    before = (number or parse_phone_number(system.get("customer")), *user_ids)
    before += (parse_user_id(system.get("previous_user_id")),)
    after: tuple[str | None, ...] = tuple(parse_phone_number(system.get(name)) for name in ("new_wa_id", "wa_id"))
    after += tuple(parse_user_id(system.get(name)) for name in ("user_id", "parent_user_id"))
    known, new = _present(before), _present(after)
    new = tuple(name for name in new if name not in known)
    return (known, new) if known and new else None


def _user_ids(fields: Fields, *names: tuple[str, ...]) -> tuple[str, ...]:
    return _present(tuple(fields.first(parse_user_id, *one) for one in names))


def _present(names: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name is not None))
