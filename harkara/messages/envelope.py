"""The envelope: messages for one recipient, with their time, urgency and reference."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import Field, SkipValidation, StrictBool
from pydantic_core import to_json
from uuid_utils import uuid7

from harkara.categories import PRIORITY, Category
from harkara.errors import Invalid
from harkara.messages.category import default_category
from harkara.messages.envelope_fields import (
    check_links,
    check_placeholders,
    split_deadline,
    validate_fallback,
    validate_messages,
)
from harkara.messages.fields import AltTexts, CustomerName, Id, Reference, ShortName, Time, validate_customer_name
from harkara.messages.items import dump_item, load_item, read_messages
from harkara.messages.model import StrictModel
from harkara.messages.parse import Message
from harkara.messages.template import Template
from harkara.messages.text import Text
from harkara.messages.validation import as_handed_over, field_path, handed_over, require_list, require_object
from harkara.people.names import normalize_stored
from harkara.phone import normalize
from harkara.times import EARLIEST, LATEST
from harkara.trace_context import parse_traceparent

# Chat Mitra documents no limit; this is Harkara's.
_MAX_BODY_BYTES = 256 * 1024

_MOMENT = timedelta(seconds=1)

# Chat Mitra docs, Request Body Parameters.
_REQUEST_KEYS = frozenset({"recipient_mobile_number", "message", "messages", "customer_name", "altTexts"})
_REQUEST_NAMES = {"to": "recipient_mobile_number", "alt_texts": "altTexts"}


class Envelope(StrictModel):
    """Messages for one recipient. The constructor raises Invalid if they break a known rule of Chat Mitra or WhatsApp.

    `messages` has 1 to 10 items. `reference` is the application's own id, of 1 to 200 printable characters.
    `lane` and `producer` have 1 to 40 of a-z, 0-9, `_` and `-`. The producers of a lane take turns.

    `category` defaults to the category of the messages. `priority` (0 is sent first, 3 last) and `quiet`, whether the
    message waits during quiet hours, default to those of the category.

    `at` and `expires` are aware datetimes or ISO 8601 text with an offset, and become UTC. `expires` may also be the
    time that the message is valid from `at` or from its hand-over on; it is then in `valid_for`, and counted by the
    ledger's clock.
    `fallback` is a template that is sent instead if the recipient's 24-hour window is closed.
    `traceparent` is the W3C Trace Context of the call; any other text counts as none.
    """

    unsent = frozenset({"valid_for", "traceparent"})

    id: Id
    to: Annotated[str, SkipValidation]
    messages: Annotated[tuple[Message, ...], SkipValidation]
    customer_name: CustomerName | None = None
    alt_texts: AltTexts | None = None
    reference: Reference | None = None
    lane: ShortName = "default"
    category: Category
    priority: Annotated[int, Field(strict=True, ge=0, le=3)]
    quiet: StrictBool
    at: Time | None = None
    expires: Time | None = None
    valid_for: Annotated[timedelta | None, SkipValidation] = None
    producer: ShortName = "default"
    fallback: Annotated[Template | None, SkipValidation] = None
    traceparent: Annotated[str | None, SkipValidation] = None

    def __init__(
        self,
        *,
        to: str,
        messages: Sequence[Message],
        id: str | None = None,
        customer_name: str | None = None,
        alt_texts: Mapping[str, str] | None = None,
        reference: str | None = None,
        lane: str = "default",
        category: Category | None = None,
        priority: int | None = None,
        quiet: bool | None = None,
        at: datetime | str | None = None,
        expires: datetime | timedelta | str | None = None,
        producer: str = "default",
        fallback: Template | None = None,
        traceparent: str | None = None,
    ) -> None:
        items = validate_messages(messages)
        expires, valid_for = split_deadline(expires)
        category = default_category(items) if category is None else category
        optional = {
            "customer_name": customer_name,
            "alt_texts": alt_texts,
            "reference": reference,
            "at": at,
            "expires": expires,
            "valid_for": valid_for,
            "fallback": validate_fallback(fallback, items),
            "traceparent": parse_traceparent(traceparent),
        }
        fields = {name: value for name, value in optional.items() if value is not None}  # None takes time to validate
        self._validate(
            fields
            | {
                "id": f"job_{uuid7().hex}" if id is None else id,
                "to": str(normalize(to)),
                "messages": items,
                "lane": lane,
                "category": category,
                "priority": PRIORITY.get(str(category)) if priority is None else priority,
                "quiet": category == "marketing" if quiet is None else quiet,
                "producer": producer,
            }
        )
        _check(self)

    @classmethod
    def from_wire(cls, body: dict[str, Any], *, region: str = "IN", **options: Any) -> Self:
        """Build an envelope from the body of a request to Chat Mitra's `POST /send_message`.

        The envelope's other fields are options.
        Chat Mitra requires the country code. A number of `region` without it is completed if it is not ambiguous. In
        a body that was handed over, the number is one that `body` wrote.
        `fallback` may be a template as an item of `messages` has it. Raises Invalid with the request's field names.
        """
        require_object(body, _REQUEST_KEYS, "body")
        require_object(options, cls._known_keys - {"to", "messages"})
        try:
            options = {"customer_name": body.get("customer_name"), "alt_texts": body.get("altTexts")} | options
            if isinstance(options.get("fallback"), dict):
                options["fallback"] = load_item(options["fallback"], "fallback")
            given = body.get("recipient_mobile_number") or ""
            to = normalize_stored(given) if handed_over() else normalize(given, region, with_country_code=True)
            return cls(to=to, messages=read_messages(body), **options)
        except Invalid as error:
            head, dot, rest = error.field.partition(".")
            rule = error.rule.replace("alt_texts", "altTexts")
            raise Invalid(_REQUEST_NAMES.get(head, head) + dot + rest, rule, error.measure) from None

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Build an envelope from the JSON of `to_json`, and validate it again. Raises Invalid.

        Rules that its sender's release may not have had, and the end of a link, are not validated.
        """
        try:
            fields = json.loads(text)
        except ValueError:
            raise Invalid("envelope", "must be JSON, as written by to_json") from None
        with as_handed_over():
            return cls._from_fields(fields)

    @classmethod
    def _from_fields(cls, fields: object) -> Self:
        fields = cls.read_fields(fields, "envelope")
        fields["to"] = normalize_stored(fields["to"])
        fields["messages"] = [
            load_item(item, f"messages[{position}]")
            for position, item in enumerate(require_list(fields["messages"], "messages"))
        ]
        if "fallback" in fields:
            fields["fallback"] = load_item(fields["fallback"], "fallback")
        if str(fields.get("expires", ""))[:4] >= str(LATEST.year):
            # An earlier release let the end of the calendar mean "never".
            fields["expires"] = LATEST - timedelta(seconds=1)
        return cls(**fields)

    def to_json(self) -> str:
        """Return all fields as JSON, for `from_json`.

        `valid_for` becomes an `expires` by this host's clock. A backend that can hands it over beside the JSON, and so
        it does with `traceparent`, which the JSON does not have: a worker of an earlier release would refuse it.
        """
        fields = {name: value for name, value in self if value is not None and name != "traceparent"}
        if valid_for := fields.pop("valid_for", None):
            fields["expires"] = min(max((self.at or datetime.now(UTC)) + valid_for, EARLIEST), LATEST - _MOMENT)
        fields["messages"] = [dump_item(message) for message in self.messages]
        if self.fallback is not None:
            fields["fallback"] = dump_item(self.fallback)
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)

    def with_validity(self, valid_for: timedelta | None, age: timedelta | None = None) -> Self:
        """Return the envelope, handed over `age` ago, with `valid_for` in place of a deadline; None changes nothing."""
        if valid_for is None:
            return self
        left = valid_for if self.at else valid_for - (age or timedelta())
        return self.with_validated(expires=None, valid_for=left)

    def with_traceparent(self, traceparent: str | None) -> Self:
        """Return the envelope with this W3C Trace Context; a text that is none changes nothing."""
        context = parse_traceparent(traceparent)
        return self if context is None else self.with_validated(traceparent=context)

    def for_recipient(self, to: str, message: Template, customer_name: str | None = None) -> Self:
        """Return the envelope of a message of the same category to someone else, with an id of its own.

        Nothing that both share is validated again. Raises Invalid as the constructor does.
        """
        if customer_name is not None:
            with field_path("customer_name"):
                validate_customer_name(customer_name)
        envelope = self.with_validated(
            id=f"job_{uuid7().hex}", to=str(normalize(to)), messages=(message,), customer_name=customer_name
        )
        _check(envelope)
        return envelope

    def body(self) -> dict[str, Any]:
        """Return the body of the request to Chat Mitra."""
        first = self.messages[0]
        body: dict[str, Any] = {"recipient_mobile_number": self.to}
        if len(self.messages) == 1 and isinstance(first, Text) and first.is_simple:
            body["message"] = first.body
        else:
            body["messages"] = [message.wire() for message in self.messages]
        if self.customer_name is not None:
            body["customer_name"] = self.customer_name
        if self.alt_texts is not None:
            body["altTexts"] = dict(self.alt_texts)
        return body

    def body_json(self) -> str:
        """Return the body as compact JSON. Equal envelopes give equal texts."""
        return to_json(self.body()).decode()

    @property
    def kind(self) -> str:
        """WhatsApp's type of the message, "template", or "batch" for several messages."""
        return self.messages[0].kind if len(self.messages) == 1 else "batch"

    @property
    def template(self) -> str | None:
        """The name of the first template, or None."""
        for message in self.messages:
            if isinstance(message, Template):
                return message.name
        return None

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield from (("id", self.id), ("kind", self.kind), ("category", self.category), ("lane", self.lane))


def _check(envelope: Envelope) -> None:
    """Check the rules that concern several fields."""
    if envelope.at and envelope.expires and envelope.expires <= envelope.at:
        raise Invalid("expires", "must be later than at")
    check_placeholders(envelope.messages, envelope.fallback, envelope.alt_texts, envelope.customer_name)
    check_links(envelope.messages, envelope.fallback, envelope.at)
    if len(envelope.messages) == 1 and envelope.kind != "contacts" and not envelope.alt_texts:
        return  # the limits of one message keep it far below this one
    if (size := len(envelope.body_json().encode())) > _MAX_BODY_BYTES:
        raise Invalid("messages", f"at most {_MAX_BODY_BYTES:,} bytes of JSON in all", f"this has {size:,}")
