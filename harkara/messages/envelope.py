"""One hand-over: what goes to whom, when and how urgently, and the name by which to find it again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SkipValidation, StrictBool
from uuid_utils import uuid7

from harkara.errors import Invalid
from harkara.messages.fields import AltTexts, CustomerName, Id, Reference, ShortName, Time
from harkara.messages.model import RawMessage, StrictModel
from harkara.messages.parse import Message, parse_item
from harkara.messages.template import Template
from harkara.messages.text import Text
from harkara.messages.validation import field_path, require_list, require_object, type_measure
from harkara.phone import normalise

Category = Literal["authentication", "reply", "utility", "marketing"]

PRIORITY: dict[str, int] = {"authentication": 0, "reply": 1, "utility": 2, "marketing": 3}
"""What goes first when the caller does not say otherwise; 0 is the most urgent."""

# Chat Mitra names no limit for either: ours, well above what a sensible call holds.
_ITEMS = 10
_BODY_BYTES = 256 * 1024

# Chat Mitra docs, Request Body Parameters.
_REQUEST = frozenset({"recipient_mobile_number", "message", "messages", "customer_name", "altTexts"})
_THEIR_NAMES = {"to": "recipient_mobile_number", "alt_texts": "altTexts"}


class Envelope(StrictModel):
    """Messages for one recipient, checked whole: what can be built keeps every rule that is known.

    `category` comes from the messages unless it is given; `priority`, and `quiet` (whether quiet hours hold it back),
    from the category. Times become UTC. `producer` is who hands over; turns in a lane are shared between producers.
    `fallback` goes instead when the recipient's 24-hour window is closed, which templates need not.
    """

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
    producer: ShortName = "default"
    fallback: Annotated[Template | None, SkipValidation] = None

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
        expires: datetime | str | None = None,
        producer: str = "default",
        fallback: Template | None = None,
    ) -> None:
        items = _items(messages)
        category = _category(items) if category is None else category
        super().__init__(
            id=f"job_{uuid7().hex}" if id is None else id,
            to=str(normalise(to)),
            messages=items,
            customer_name=customer_name,
            alt_texts=alt_texts,
            reference=reference,
            lane=lane,
            category=category,
            priority=PRIORITY.get(str(category)) if priority is None else priority,
            quiet=category == "marketing" if quiet is None else quiet,
            at=at,
            expires=expires,
            producer=producer,
            fallback=_fallback(fallback, items),
        )
        _check(self)

    @classmethod
    def from_wire(cls, body: dict[str, Any], *, region: str = "IN", **options: Any) -> Self:
        """Reads the body of a request to Chat Mitra's `POST /send_message`; the other fields come as options.

        Chat Mitra asks for the country code. A number of `region` without it is completed if nothing else can be
        meant. `fallback` may be a template as it stands in `messages`. Raises Invalid in the request's own field names.
        """
        require_object(body, _REQUEST, "body")
        require_object(options, cls._known_keys - {"to", "messages"})
        try:
            options = {"customer_name": body.get("customer_name"), "alt_texts": body.get("altTexts")} | options
            if isinstance(options.get("fallback"), dict):
                options["fallback"] = _restore(options["fallback"], "fallback")
            to = normalise(body.get("recipient_mobile_number") or "", region, coded=True)
            return cls(to=to, messages=_read_messages(body), **options)
        except Invalid as error:
            head, dot, rest = error.field.partition(".")
            raise Invalid(_THEIR_NAMES.get(head, head) + dot + rest, error.rule, error.measure) from None

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads what `to_json` wrote, and checks it all again."""
        try:
            fields = json.loads(text)
        except ValueError:
            raise Invalid("envelope", "must be JSON, as written by to_json") from None
        fields = cls.read_fields(fields, "envelope")
        # It was judged when it was handed over, perhaps by newer numbering plans than ours: a possible length will do.
        fields["to"] = normalise(f"+{fields['to']}", strict=False)
        fields["messages"] = [
            _restore(item, f"messages[{place}]")
            for place, item in enumerate(require_list(fields["messages"], "messages"))
        ]
        if "fallback" in fields:
            fields["fallback"] = _restore(fields["fallback"], "fallback")
        return cls(**fields)

    def to_json(self) -> str:
        """The whole envelope, for `from_json`."""
        fields = {name: value for name, value in self if value is not None}
        fields["messages"] = [_keep(message) for message in self.messages]
        if self.fallback is not None:
            fields["fallback"] = _keep(self.fallback)
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)

    def body(self) -> dict[str, Any]:
        """The body of the request to Chat Mitra."""
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
        """The body as compact JSON: the same text for the same content."""
        return json.dumps(self.body(), ensure_ascii=False, separators=(",", ":"))

    @property
    def kind(self) -> str:
        """WhatsApp's name for the type of message; "template", or "batch" for several."""
        return self.messages[0].kind if len(self.messages) == 1 else "batch"

    @property
    def template(self) -> str | None:
        """The name of the template, of the first if there are several; None without one."""
        return next((message.name for message in self.messages if isinstance(message, Template)), None)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield from (("id", self.id), ("kind", self.kind), ("category", self.category), ("lane", self.lane))


def _items(messages: Sequence[Message]) -> tuple[Message, ...]:
    if not 1 <= len(require_list(messages, "messages")) <= _ITEMS:
        raise Invalid("messages", f"1 to {_ITEMS} messages", f"this has {len(messages)}")
    for place, item in enumerate(messages):
        if not isinstance(item, RawMessage | Template):
            raise Invalid(f"messages[{place}]", "must be a message such as Text or Template", type_measure(item))
    return tuple(messages)


def _fallback(fallback: object, messages: Sequence[Message]) -> Template | None:
    """Only a template gets through a closed window, and only what is none needs one to do so."""
    if fallback is None:
        return None
    if not isinstance(fallback, Template):
        raise Invalid(
            "fallback", "must be a template: nothing else gets through a closed window", type_measure(fallback)
        )
    if not any(isinstance(message, RawMessage) for message in messages):
        raise Invalid("fallback", "is for what the 24-hour window may stop; this is a template, which it never does")
    return fallback


def _category(messages: Sequence[Message]) -> Category:
    """The class of the most urgent code, else of what asks for the most care."""
    found = {message.category or "utility" if isinstance(message, Template) else "reply" for message in messages}
    order: tuple[Category, ...] = ("authentication", "marketing", "utility", "reply")
    return next(category for category in order if category in found)


def _check(envelope: Envelope) -> None:
    """The rules between fields."""
    if envelope.at and envelope.expires and envelope.expires <= envelope.at:
        raise Invalid("expires", "must be later than at")
    _check_placeholders(envelope)
    if len(envelope.messages) == 1 and envelope.kind != "contacts" and not envelope.alt_texts:
        return  # its own limits keep it far below the bound
    if (size := len(envelope.body_json().encode())) > _BODY_BYTES:
        raise Invalid("messages", f"at most {_BODY_BYTES:,} bytes of JSON in all", f"this has {size:,}")


def _check_placeholders(envelope: Envelope) -> None:
    known = set(envelope.alt_texts or ()) | ({"$name"} if envelope.customer_name else set())
    places: dict[str, object] = {f"messages[{place}]": each for place, each in enumerate(envelope.messages)}
    for place, message in (places | {"fallback": envelope.fallback}).items():
        if isinstance(message, Template):
            for path, name in message.placeholders():
                if name not in known:
                    rule = "has a $placeholder without a value; give it one in alt_texts, or customer_name for $name"
                    raise Invalid(f"{place}.{path}", rule)


def _read_messages(body: dict[str, Any]) -> list[Message]:
    """Exactly one of `message` and `messages`, as Chat Mitra asks."""
    text: Any = body.get("message")
    items = body.get("messages")
    if (text is None) == (items is None):
        raise Invalid("message", "give either message or messages, and not both")
    if items is None:
        try:
            return [Text(text)]
        except Invalid as error:
            raise Invalid("message", error.rule, error.measure) from None
    messages = []
    for place, item in enumerate(require_list(items, "messages")):
        with field_path(f"messages[{place}]"):
            messages.append(parse_item(item))
    if len(messages) == 1 and isinstance(messages[0], Text) and messages[0].is_simple:
        messages[0] = Text(messages[0].body, form="raw")  # it goes on in the form in which it came
    return messages


def _keep(message: Message) -> dict[str, Any]:
    return message.wire() | ({"aside": unsent_fields} if (unsent_fields := message.unsent_fields()) else {})


def _restore(item: object, where: str) -> Message:
    with field_path(where):
        if not isinstance(item, dict):
            raise Invalid("", "must be an object", type_measure(item))
        unsent_fields = item.get("aside")
        message = parse_item({name: value for name, value in item.items() if name != "aside"})
        return message.with_unsent_fields(unsent_fields) if unsent_fields is not None else message
