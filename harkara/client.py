"""The client: hand over a message and forget it; Harkara keeps it, sends it once, and can tell why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from harkara.backends import Backend, ledger_backend, redis_backend
from harkara.catalogue import OPTIONS, Catalogue
from harkara.catalogue.fill import Value
from harkara.defaults import DEADLINES
from harkara.errors import Conflict, HarkaraError, Invalid
from harkara.messages import Category, Envelope, Message, Template, Text
from harkara.phone import normalise
from harkara.published.lookup import PublishedLookup
from harkara.receipt import Change, Handle, Receipt
from harkara.status import MessageStatus

if TYPE_CHECKING:
    from harkara.inbound.contact import Category as About
    from harkara.occasions import OccasionUpdate, ReminderPlan, Rules


class Client:
    """Hands messages over to Harkara.

    With `redis_url` alone, a message is as safe as Redis' disk when `send` returns, and in the ledger moments later.
    With `database_url`, its row is committed when `send` returns; `redis_url` then only makes it go at once.

    `producer` names this application: lanes are shared fairly between producers. `region` is the country of numbers
    written without their code. A service that says nothing for `seconds` raises `Unavailable`, and the same call with
    the same reference may be repeated without risk of a second message.

    `catalogue` holds the kinds of template, `reminders` the rules of reminders, or each is a file of them; without it
    what the workers lay into Redis.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        database_url: str | None = None,
        producer: str = "default",
        lane: str = "default",
        region: str = "IN",
        seconds: float = 2.0,
        deadlines: Mapping[str, float] = DEADLINES,
        catalogue: Path | str | Catalogue | None = None,
        reminders: Path | str | Rules | None = None,
    ) -> None:
        if not redis_url and not database_url:
            raise Invalid("redis_url", "give a Redis URL, a database URL, or both")
        self._producer = producer
        self._lane = lane
        self._region = region
        self._door: Backend = (
            ledger_backend(database_url, redis_url, seconds, deadlines)
            if database_url
            else redis_backend(str(redis_url), seconds)
        )
        self._knowledge = PublishedLookup(catalogue, reminders, redis_url, seconds)

    def send(
        self,
        message: str | Message | Sequence[Message],
        *,
        to: str,
        reference: str | None = None,
        at: datetime | None = None,
        expires: datetime | None = None,
        lane: str | None = None,
        category: Category | None = None,
        priority: int | None = None,
        customer_name: str | None = None,
        alt_texts: Mapping[str, str] | None = None,
        fallback: Template | None = None,
    ) -> Handle:
        """Hands one message (or several, to be sent in one call to one recipient) over.

        `reference` is your own name for it: the same one twice is one message. `at` is the earliest, `expires` the
        latest moment to send it, both with a time zone. `fallback` goes instead of what the recipient's 24-hour window
        stops; without one the lane's. Raises Invalid when it breaks a rule (nothing was kept),
        Conflict when the reference stands for another message, Unavailable when it could not be handed over. With Redis
        alone nobody can say at once what the reference stands for: such a message is kept as failed.
        """
        wanted = self.envelope(
            message,
            to=to,
            reference=reference,
            at=at,
            expires=expires,
            lane=lane,
            category=category,
            priority=priority,
            customer_name=customer_name,
            alt_texts=alt_texts,
            fallback=fallback,
        )
        return self._hand_over(wanted)

    def send_template(
        self,
        kind: str,
        *,
        to: str,
        reference: str | None = None,
        at: datetime | None = None,
        expires: datetime | None = None,
        lane: str | None = None,
        priority: int | None = None,
        language: str | None = None,
        customer_name: str | None = None,
        opted_in: bool = False,
        **parameters: Value,
    ) -> Handle:
        """Hands over a template of the catalogue, filled by name: `send_template("otp_verification", to=…, code=…, …)`.

        Without `expires` it has the kind's. `opted_in` says that the recipient agreed to marketing, which nobody else
        gets. Raises as `send` does, and NotFound when no worker has laid down a catalogue.
        """
        wanted = self.envelope_from_template(
            kind,
            to=to,
            reference=reference,
            at=at,
            expires=expires,
            lane=lane,
            priority=priority,
            language=language,
            customer_name=customer_name,
            opted_in=opted_in,
            **parameters,
        )
        return self._hand_over(wanted)

    def envelope(self, message: str | Message | Sequence[Message], *, to: str, **options: Any) -> Envelope:
        """Checks a message as `send` does, without handing it over: for `send_many`. Raises Invalid."""
        items = [Text(message)] if isinstance(message, str) else message
        given = {name: value for name, value in options.items() if value is not None}
        return Envelope(
            to=normalise(to, self._region),
            messages=list(items) if isinstance(items, Sequence) else [items],
            producer=self._producer,
            **({"lane": self._lane} | given),
        )

    def envelope_from_template(self, kind: str, *, to: str, **given: Any) -> Envelope:
        """Fills and checks a template as `send_template` does, without handing it over: for `send_many`."""
        options = {name: given.pop(name) for name in OPTIONS & given.keys()}
        kinds = self.catalogue()
        message = kinds.message(
            kind, given, language=options.pop("language", None), opted_in=options.pop("opted_in", False)
        )
        return kinds.find(kind).in_time(self.envelope(message, to=to, **options))

    def catalogue(self) -> Catalogue:
        """The kinds of template that `send_template` knows. Raises NotFound and Unavailable, or Invalid without any."""
        return self._knowledge.catalogue()

    def plan(self) -> ReminderPlan:
        """The rules of reminders with their templates, as `save_occasion` uses them. Raises as `catalogue` does."""
        return self._knowledge.plan()

    def send_many(self, envelopes: Iterable[Envelope]) -> list[Handle | Conflict | Invalid]:
        """Hands many over, in transactions of 500; answers for each in order, one that fails stops no other.

        Raises Unavailable when the service is; what came before is kept, and a repeat adds none of it twice.
        """
        batch = list(envelopes)
        answers = self._door.enqueue(batch)
        return [
            Handle(answer.id, envelope.reference, answer.new) if isinstance(answer, Receipt) else answer
            for envelope, answer in zip(batch, answers, strict=True)
        ]

    def save_occasion(
        self,
        kind: str,
        reference: str,
        *,
        at: datetime,
        to: str,
        zone: str | None = None,
        parameters: Mapping[str, str] | None = None,
        version: int | None = None,
        lane: str | None = None,
        language: str | None = None,
    ) -> Change:
        """Says what will happen to a customer, or that it has changed; its reminders follow by the kind's rules.

        A naive `at` is local to `zone`, which is the lane's unless it is given. `parameters` fill all the templates of
        the kind's reminders. The same call again changes nothing, nor does one with an older `version` than is known
        (OUTDATED). Raises Invalid, Unavailable, and Conflict when the version already says something else; through
        Redis alone nobody can say at once what is known, and such a call is refused in a worker's log.
        """
        from harkara.occasions import Occasion

        plan, lane = self.plan(), lane or self._lane
        occasion = Occasion(
            kind=kind,
            reference=reference,
            lane=lane,
            producer=self._producer,
            to=normalise(to, self._region),
            at=at,
            zone=zone or plan.lane_zone(lane),
            parameters=parameters,
            language=language,
            version=version,
        )
        plan.validate_occasion(occasion)
        return self._tell(occasion, plan)

    def cancel_occasion(
        self,
        kind: str,
        reference: str,
        *,
        reason: str | None = None,
        version: int | None = None,
        lane: str | None = None,
    ) -> Change:
        """It will not happen: none of its reminders goes any more. Raises as `save_occasion`, and NotFound."""
        return self._close(kind, reference, "cancelled", lane, reason=reason, version=version)

    def complete_occasion(
        self,
        kind: str,
        reference: str,
        *,
        reason: str | None = None,
        version: int | None = None,
        lane: str | None = None,
    ) -> Change:
        """It was kept, paid, delivered: the same, under another name in the records."""
        return self._close(kind, reference, "completed", lane, reason=reason, version=version)

    def opt_out(self, to: str, *, proof: str, category: About = "everything", lane: str | None = None) -> None:
        """Somebody wants no more messages from now on, or no more marketing: what waits for them is withdrawn.

        `proof` says how you know: which form, which words. Raises Invalid and Unavailable.
        """
        self._wish("opt-out", to, proof, category, lane)

    def opt_in(self, to: str, *, proof: str, category: About = "everything", lane: str | None = None) -> None:
        """Somebody wants messages again, or agrees to marketing; nothing that was withdrawn comes back."""
        self._wish("opt-in", to, proof, category, lane)

    def cancel(self, key: str | Handle) -> bool:
        """Cancels a message by handle, id or reference; False when it has left already. Raises NotFound."""
        return self._door.cancel(key.id if isinstance(key, Handle) else key)

    def status(self, key: str | Handle) -> MessageStatus:
        """State, reason, flags, attempts and trace of a message. Raises NotFound."""
        return self._door.status(key.id if isinstance(key, Handle) else key)

    def close(self) -> None:
        self._door.close()
        self._knowledge.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _close(self, kind: str, reference: str, status: str, lane: str | None, **said: Any) -> Change:
        from harkara.occasions import Closing

        plan = self.plan()
        plan.rules.for_kind(kind)
        return self._tell(Closing(kind=kind, reference=reference, status=status, lane=lane or self._lane, **said), plan)

    def _wish(self, wish: str, to: str, proof: str, category: str, lane: str | None) -> None:
        from harkara.inbound.contact import Wish

        number, now = normalise(to, self._region), datetime.now(UTC)
        said = Wish.read(number, wish=wish, category=category, how="application", proof=proof, at=now)
        self._door.record_consent(lane or self._lane, said)

    def _tell(self, step: OccasionUpdate, plan: ReminderPlan) -> Change:
        (answer,) = self._door.save_occasions([step], plan)
        if isinstance(answer, HarkaraError):
            raise answer
        return answer

    def _hand_over(self, envelope: Envelope) -> Handle:
        result = self.send_many([envelope])[0]
        if isinstance(result, HarkaraError):
            raise result
        return result
