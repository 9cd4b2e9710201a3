"""The calls of a client in steps, which `Client` carries out in a thread and `AsyncClient` in an event loop."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Unpack

from harkara.client.base import BaseClient
from harkara.client.options import ClosingOptions, EnvelopeOptions, OccasionOptions
from harkara.errors import Conflict, HarkaraError, Invalid
from harkara.receipt import Change, Handle, Receipt
from harkara.steps import Steps
from harkara.trace_context import current_traceparent

if TYPE_CHECKING:  # `import harkara` does not pay for pydantic, nor for occasions
    from harkara.catalogue import Catalogue
    from harkara.client.envelopes import Content
    from harkara.inbound.contact import ConsentAction
    from harkara.message_status import MessageStatus
    from harkara.messages import Envelope
    from harkara.occasions import OccasionUpdate, ReminderPlan
    from harkara.occasions.rules import ClosedStatus


class ClientSteps(BaseClient):
    """What both clients do, without carrying it out."""

    def envelope(self, message: Content, *, to: str, **options: Unpack[EnvelopeOptions]) -> Envelope:
        """Validate a message as `send` does, with the same options, for `send_many`. Raises Invalid."""
        # Imported here: `import harkara` does not pay for pydantic and the numbering plans.
        from harkara.client.envelopes import build_envelope

        given = {name: value for name, value in options.items() if value is not None}
        defaults = {"lane": self._lane, "producer": self._producer, "traceparent": current_traceparent()}
        return build_envelope(message, to, self._region, defaults | given)

    def _catalogue_steps(self) -> Steps[Catalogue]:
        return self._published.catalogue()

    def _plan_steps(self) -> Steps[ReminderPlan]:
        return self._published.reminder_plan()

    def _template_steps(self, kind: str, to: str, given: dict[str, Any]) -> Steps[Envelope]:
        # Imported here: `import harkara` does not pay for pydantic.
        from harkara.catalogue import OPTIONS

        options = {name: given.pop(name) for name in OPTIONS & given.keys()}
        catalogue = yield from self._published.catalogue()
        message = catalogue.message(
            kind, given, language=options.pop("language", None), opted_in=options.pop("opted_in", False)
        )
        return catalogue.find(kind).with_deadline(self.envelope(message, to=to, **options))

    def _send_template_steps(self, kind: str, to: str, given: dict[str, Any]) -> Steps[Handle]:
        return (yield from self._send_steps((yield from self._template_steps(kind, to, given))))

    def _send_steps(self, envelope: Envelope) -> Steps[Handle]:
        (result,) = yield from self._send_many_steps([envelope])
        if isinstance(result, HarkaraError):
            raise result
        return result

    def _send_many_steps(self, envelopes: Iterable[Envelope]) -> Steps[list[Handle | Conflict | Invalid]]:
        batch = list(envelopes)
        results = yield from self._backend.enqueue(batch)
        return [
            Handle(result.id, envelope.reference, result.new) if isinstance(result, Receipt) else result
            for envelope, result in zip(batch, results, strict=True)
        ]

    def _cancel_steps(self, key: str | Handle) -> Steps[bool]:
        return self._backend.cancel(_key(key))

    def _status_steps(self, key: str | Handle) -> Steps[MessageStatus]:
        return self._backend.status(_key(key))

    def _save_occasion_steps(self, kind: str, reference: str, to: str, options: OccasionOptions) -> Steps[Change]:
        # Imported here: an application without occasions does not pay for them.
        from harkara.occasions import Occasion
        from harkara.phone import normalize

        plan = yield from self._published.reminder_plan()
        given: dict[str, Any] = {**options}
        lane = given.pop("lane", None) or self._lane
        zone = given.pop("zone", None) or plan.lane_zone(lane)
        occasion = Occasion(
            kind=kind,
            reference=reference,
            lane=lane,
            producer=self._producer,
            to=normalize(to, self._region),
            zone=zone,
            **given,
        )
        plan.validate_occasion(occasion)
        return (yield from self._save_steps(occasion, plan))

    def _close_occasion_steps(
        self, kind: str, reference: str, status: ClosedStatus, options: ClosingOptions
    ) -> Steps[Change]:
        # Imported here: an application without occasions does not pay for them.
        from harkara.occasions import Closing

        plan = yield from self._published.reminder_plan()
        given: dict[str, Any] = {**options}
        lane = given.pop("lane", None) or self._lane
        closing = Closing(kind=kind, reference=reference, status=status, lane=lane, **given)
        plan.validate_closing(closing)
        return (yield from self._save_steps(closing, plan))

    def _save_steps(self, update: OccasionUpdate, plan: ReminderPlan) -> Steps[Change]:
        (result,) = yield from self._backend.save_occasions([update], plan)
        if isinstance(result, HarkaraError):
            raise result
        return result

    def _consent_steps(
        self, action: ConsentAction, to: str, proof: str, category: str, lane: str | None
    ) -> Steps[None]:
        # Imported here: an application without consent calls does not pay for it.
        from harkara.inbound.contact import ConsentChoice, validate_lane
        from harkara.people.names import parse_name

        name, now = parse_name(to, self._region), datetime.now(UTC)
        choice = ConsentChoice.parse(name, action=action, category=category, how="application", proof=proof, at=now)
        return self._backend.record_consent(validate_lane(lane or self._lane), choice)


def _key(key: str | Handle) -> str:
    """Return the id or the reference. None, as of a message that was never sent, would mean one without a reference."""
    if isinstance(key, Handle):
        return key.id
    if not isinstance(key, str):
        raise Invalid("key", "must be a handle, an id or a reference", f"this is of type {type(key).__name__}")
    return key
