"""The client: hand over a message and forget it; Harkara keeps it, sends it once, and can tell why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from harkara.catalogue import OPTIONS, Catalogue
from harkara.catalogue.fill import Value
from harkara.defaults import CHUNK, DEADLINES, LEASE_SECONDS
from harkara.errors import Conflict, HarkaraError, Invalid
from harkara.messages import Category, Envelope, Message, Text
from harkara.phone import normalise
from harkara.receipt import Receipt

if TYPE_CHECKING:
    from harkara.catalogue.shelf import Shelf
    from harkara.doors.ledger import LedgerDoor
    from harkara.doors.redis import RedisDoor


@dataclass(frozen=True, slots=True)
class Handle:
    """A message that was handed over.

    `new` is False when the same reference is known to have been handed over before; Redis alone does not know it.
    """

    id: str
    reference: str | None
    new: bool


class Door(Protocol):
    """Where messages go in; every method raises Unavailable when the service behind it does not answer."""

    def hand_over(self, envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]: ...
    def cancel(self, key: str) -> bool: ...
    def status(self, key: str) -> dict[str, Any]: ...
    def close(self) -> None: ...


class Client:
    """Hands messages over to Harkara.

    With `redis_url` alone, a message is as safe as Redis' disk when `send` returns, and in the ledger moments later.
    With `database_url`, its row is committed when `send` returns; `redis_url` then only makes it go at once.

    `producer` names this application: lanes are shared fairly between producers. `region` is the country of numbers
    written without their code. A service that says nothing for `seconds` raises `Unavailable`, and the same call with
    the same reference may be repeated without risk of a second message.

    `catalogue` holds the kinds of template, or is a file of them; without it the one that the workers lay into Redis.
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
    ) -> None:
        if not redis_url and not database_url:
            raise Invalid("redis_url", "give a Redis URL, a database URL, or both")
        self._producer = producer
        self._lane = lane
        self._region = region
        self._door: Door = (
            _ledger_door(database_url, redis_url, seconds, deadlines)
            if database_url
            else _redis_door(str(redis_url), seconds)
        )
        self._catalogue = Catalogue.load(Path(catalogue)) if isinstance(catalogue, Path | str) else catalogue
        self._shelf = _shelf(redis_url, seconds) if redis_url and catalogue is None else None

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
    ) -> Handle:
        """Hands one message (or several, to be sent in one call to one recipient) over.

        `reference` is your own name for it: the same one twice is one message. `at` is the earliest, `expires` the
        latest moment to send it, both with a time zone. Raises Invalid when it breaks a rule (nothing was kept),
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
        if self._catalogue is not None:
            return self._catalogue
        if self._shelf is None:
            raise Invalid("catalogue", "a client without Redis has to be given one: Client(…, catalogue=Path(…))")
        return self._shelf.look()

    def send_many(self, envelopes: Iterable[Envelope]) -> list[Handle | Conflict | Invalid]:
        """Hands many over, in transactions of 500; answers for each in order, one that fails stops no other.

        Raises Unavailable when the service is; what came before is kept, and a repeat adds none of it twice.
        """
        batch = list(envelopes)
        answers = self._door.hand_over(batch)
        return [
            Handle(answer.id, envelope.reference, answer.new) if isinstance(answer, Receipt) else answer
            for envelope, answer in zip(batch, answers, strict=True)
        ]

    def cancel(self, key: str | Handle) -> bool:
        """Cancels a message by handle, id or reference; False when it has left already. Raises NotFound."""
        return self._door.cancel(key.id if isinstance(key, Handle) else key)

    def status(self, key: str | Handle) -> dict[str, Any]:
        """State, reason, flags, attempts and trace of a message. Raises NotFound."""
        return self._door.status(key.id if isinstance(key, Handle) else key)

    def close(self) -> None:
        self._door.close()
        if self._shelf:
            self._shelf.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def _hand_over(self, envelope: Envelope) -> Handle:
        result = self.send_many([envelope])[0]
        if isinstance(result, HarkaraError):
            raise result
        return result


def _redis_door(redis_url: str, seconds: float) -> RedisDoor:
    # Who only builds messages pays for no Redis client either.
    from harkara.doors.redis import RedisDoor

    return RedisDoor(redis_url, 0.9 * seconds)


def _ledger_door(
    database_url: str, redis_url: str | None, seconds: float, deadlines: Mapping[str, float]
) -> LedgerDoor:
    # Only who writes rows pays for importing SQLModel and Celery.
    from harkara.broker import Broker
    from harkara.doors.ledger import LedgerDoor
    from harkara.ledger.database import Database

    return LedgerDoor(
        Database(database_url, patience=seconds, longest=0.5 * seconds),
        Broker.at(redis_url) if redis_url else None,
        deadlines=deadlines,
        queued_seconds=LEASE_SECONDS,
        chunk=CHUNK,
    )


def _shelf(redis_url: str, seconds: float) -> Shelf:
    from harkara.catalogue.shelf import Shelf
    from harkara.intake import connect

    # Its answer comes on top of the door's own, once a minute.
    return Shelf(connect(redis_url, seconds=0.4 * seconds))
