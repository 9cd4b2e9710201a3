"""Send messages, and follow them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from harkara.client.options import MessageOptions
from harkara.client.sync import SyncCalls
from harkara.errors import Conflict, Invalid
from harkara.receipt import Handle

if TYPE_CHECKING:  # `import harkara` does not pay for pydantic
    from harkara.catalogue.fill import Value
    from harkara.client.envelopes import Content
    from harkara.message_status import MessageStatus
    from harkara.messages import Category, Envelope, Template


class MessageCalls(SyncCalls):
    """The part of `Client` that concerns messages."""

    def send(
        self,
        message: Content,
        *,
        to: str,
        reference: str | None = None,
        at: datetime | None = None,
        expires: datetime | timedelta | None = None,
        lane: str | None = None,
        category: Category | None = None,
        priority: int | None = None,
        customer_name: str | None = None,
        alt_texts: Mapping[str, str] | None = None,
        fallback: Template | None = None,
    ) -> Handle:
        """Send a message to one recipient.

        Args:
            message: A text, a message such as `Image(...)`, or a list of up to 10, which go in one call to Chat Mitra.
            to: The recipient's number. Without a country code it is one of the client's region.
            reference: Your own name for the message, 1 to 200 printable characters. The same one twice is one message.
            at: Earliest time to send it, with a time zone. Default: now.
            expires: Latest time to send it, with a time zone; then it is cancelled. A timedelta is how long it is valid
                from `at` on, whatever this host's clock says. Default: by category.
            lane: The Chat Mitra account to send from. Default: the client's lane.
            category: `authentication`, `reply`, `utility` or `marketing`. Default: what the message says of itself.
            priority: 0 (sent first) to 3. Default: by category.
            customer_name: The value of the placeholder `$name` in a template.
            alt_texts: Values of other placeholders in a template, such as `{"$city": "Pune"}`.
            fallback: Template to send instead when the recipient's 24-hour window is closed. Default: the lane's.

        Returns:
            A handle for `status` and `cancel`. Its `new` is False when the reference is known to be sent before.

        Raises:
            Invalid: An argument breaks a rule. Nothing was stored.
            Conflict: The reference belongs to another message. Redis alone does not know that: the message then fails.
            Unavailable: Redis or the database did not answer. Repeat the call with the same reference.
        """
        options: MessageOptions = {
            "reference": reference,
            "at": at,
            "expires": expires,
            "lane": lane,
            "category": category,
            "priority": priority,
            "customer_name": customer_name,
            "alt_texts": alt_texts,
            "fallback": fallback,
        }
        return self._run(self._send_steps(self.envelope(message, to=to, **options)))

    def send_template(
        self,
        kind: str,
        *,
        to: str,
        reference: str | None = None,
        at: datetime | None = None,
        expires: datetime | timedelta | None = None,
        lane: str | None = None,
        priority: int | None = None,
        language: str | None = None,
        customer_name: str | None = None,
        opted_in: bool = False,
        **parameters: Value,
    ) -> Handle:
        """Send a template of the catalogue: `send_template("otp_verification", to=..., code="482913", ...)`.

        Args:
            kind: Name of the template in the catalogue.
            to: As in `send`, and so are `reference`, `at`, `lane`, `priority` and `customer_name`.
            expires: As in `send`. Default: the kind's own deadline, otherwise by category.
            language: Language code of the approved template, such as `hi`. Default: the kind's.
            opted_in: Whether the recipient agreed to marketing. A marketing template needs it.
            parameters: Values by the names that the kind defines; text, or a medium or its link for the header.

        Raises:
            NotFound: No worker has published a catalogue to this Redis.
            Invalid, Conflict, Unavailable: As in `send`.
        """
        options = {
            "reference": reference,
            "at": at,
            "expires": expires,
            "lane": lane,
            "priority": priority,
            "language": language,
            "customer_name": customer_name,
            "opted_in": opted_in,
        }
        return self._run(self._send_template_steps(kind, to, {**options, **parameters}))

    def envelope_from_template(self, kind: str, *, to: str, **given: Any) -> Envelope:
        """Validate a template as `send_template` does, without sending it: for `send_many`. Raises as it does."""
        return self._run(self._template_steps(kind, to, given))

    def send_many(self, envelopes: Iterable[Envelope]) -> list[Handle | Conflict | Invalid]:
        """Send many messages, in transactions of 500.

        Returns:
            For each envelope, in order, its handle or the error that refused it. One error stops no other message.

        Raises:
            Unavailable: A transaction failed. Those before it are stored, and a repeat stores none of them twice.
        """
        return self._run(self._send_many_steps(envelopes))

    def cancel(self, key: str | Handle) -> bool:
        """Cancel a message by its handle, id or reference.

        Returns False when it is too late. Raises NotFound, Conflict for a reference of several lanes, and Unavailable.
        """
        return self._run(self._cancel_steps(key))

    def status(self, key: str | Handle) -> MessageStatus:
        """State, reason, flags, attempts and trace of a message, by its handle, id or reference.

        Raises NotFound, Conflict for a reference of several lanes, and Unavailable.
        """
        return self._run(self._status_steps(key))
