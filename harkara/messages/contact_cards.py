"""Contact cards. Chat Mitra documents no shape for them, so they have the shape of the WhatsApp Cloud API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field

from harkara.errors import Invalid
from harkara.messages.model import RawMessage, StrictModel
from harkara.messages.text_rules import PrintableRule
from harkara.messages.validation import require_list

# No limit is documented; this one is Harkara's.
Line = Annotated[str, AfterValidator(PrintableRule(256))]

# WhatsApp Cloud API, contacts messages.
_MAX_CONTACTS = 257


def _validate_date(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise Invalid("", "must be a date such as 1990-12-31") from None


class Name(StrictModel):
    """A person's name. The card shows `formatted_name`."""

    formatted_name: Line
    first_name: Line | None = None
    middle_name: Line | None = None
    last_name: Line | None = None
    prefix: Line | None = None
    suffix: Line | None = None


class Phone(StrictModel):
    """A phone number as the card shows it. `wa_id`, its digits, adds a button that starts a chat."""

    phone: Line
    type: Line | None = None
    wa_id: Line | None = None


class Email(StrictModel):
    """An e-mail address and its type, such as WORK."""

    email: Line
    type: Line | None = None


class Link(StrictModel):
    """A web address and its type, such as WORK."""

    url: Line
    type: Line | None = None


class Address(StrictModel):
    """A postal address and its type, such as HOME."""

    street: Line | None = None
    city: Line | None = None
    state: Line | None = None
    zip: Line | None = None
    country: Line | None = None
    country_code: Line | None = None
    type: Line | None = None


class Organization(StrictModel):
    """The company, department and job title of a contact."""

    company: Line | None = None
    department: Line | None = None
    title: Line | None = None


class Contact(StrictModel):
    """One contact card: `Contact("Asha Rao", phones=["+919876543210"])`.

    A string as `name` is the formatted name, a string in `phones` the number.
    Each text has at most 256 characters. `birthday` is an ISO 8601 date such as 1990-12-31.
    """

    name: Annotated[Name, BeforeValidator(Name.read)]
    phones: tuple[Annotated[Phone, BeforeValidator(Phone.read)], ...] | None = None
    emails: tuple[Annotated[Email, BeforeValidator(Email.read)], ...] | None = None
    urls: tuple[Annotated[Link, BeforeValidator(Link.read)], ...] | None = None
    addresses: tuple[Annotated[Address, BeforeValidator(Address.read)], ...] | None = None
    org: Annotated[Organization, BeforeValidator(Organization.read)] | None = None
    birthday: Annotated[str, AfterValidator(_validate_date)] | None = None

    def __init__(self, name: Name | str, *, phones: Sequence[Phone | str] | None = None, **others: Any) -> None:
        if phones is not None:
            phones = [
                Phone(phone=phone) if isinstance(phone, str) else phone for phone in require_list(phones, "phones")
            ]
        super().__init__(name=Name(formatted_name=name) if isinstance(name, str) else name, phones=phones, **others)


class Contacts(RawMessage):
    """1 to 257 contact cards, which the recipient can save or call.

    `Contacts([Contact("Asha Rao", phones=["+919876543210"])])`. Limit: WhatsApp Cloud API, contacts messages.
    """

    kind: ClassVar[str] = "contacts"

    contacts: Annotated[
        tuple[Annotated[Contact, BeforeValidator(Contact.read)], ...], Field(min_length=1, max_length=_MAX_CONTACTS)
    ]

    def __init__(self, contacts: Sequence[Contact]) -> None:
        super().__init__(contacts=contacts)

    @classmethod
    def read(cls, value: object) -> Self:
        """Build the message from its `contacts` list."""
        try:
            return super().read({"contacts": value})
        except Invalid as error:  # the JSON has the list itself, without a field around it
            raise Invalid(error.field.removeprefix("contacts"), error.rule, error.measure) from None

    def wire(self) -> dict[str, Any]:
        """Return the item for `messages`. For contacts the object of the type is a list."""
        return {"kind": "raw", "payload": {"type": self.kind, self.kind: self.dump()["contacts"]}}
