"""What may receive an alarm, and the words that it gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from harkara.catalogue import Catalogue
from harkara.errors import Invalid
from harkara.goals import Goals
from harkara.goals.alarm import Alarm
from harkara.ledger.alarms.alarms import OPENED, PRODUCER
from harkara.ledger.messages.accept import AcceptResult
from harkara.messages import Envelope

KIND: Final = "operator_alarm"
"""The kind of template that carries an alarm by WhatsApp."""


class Receiver(Protocol):
    """A service that people read, by an id of at most 20 characters that reveals nothing about it."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str:
        """The kind of service, such as Slack, for the log."""

    def wants(self, event: str) -> bool:
        """Return whether it gets notices of this event."""

    def notify(self, event: str, alarm: Alarm, goals: Goals) -> bool:
        """Hand the notice over; return False if the service did not take it, so that it is tried again."""


class WhatsAppReceiver:
    """The number of an operator: an alarm that opens is an ordinary message, which the answer OK acknowledges."""

    id = "whatsapp"
    name = "WhatsApp"

    def __init__(
        self,
        number: str,
        lane: str,
        catalogue: Callable[[], Catalogue],
        accept: Callable[[Sequence[Envelope]], AcceptResult],
    ) -> None:
        self._number = number
        self._lane = lane
        self._catalogue = catalogue
        self._accept = accept

    def wants(self, event: str) -> bool:
        return event == OPENED

    def notify(self, event: str, alarm: Alarm, goals: Goals) -> bool:
        """Accept the message; a repeat has the same reference and is the same message.

        Raises Invalid if the template does not fit or the number has opted out, and Unavailable.
        """
        message = self._catalogue().message(KIND, {"alarm": alarm.title, "finding": alarm.sentence})
        envelope = Envelope(to=self._number, messages=[message], reference=alarm.id, lane=self._lane, producer=PRODUCER)
        (answer,) = self._accept([envelope]).answers
        if isinstance(answer, Invalid):
            raise answer
        return True  # a Conflict as well: the template has changed since the message was accepted


def title(event: str, alarm: Alarm) -> str:
    return f"{'Alarm' if event == OPENED else 'Alarm closed'}: {alarm.title}"


def body(event: str, alarm: Alarm, goals: Goals) -> str:
    """Return what was found and the next step, or that the goal is met again or is no longer watched."""
    goal = goals.by_name.get(alarm.goal)
    if event != OPENED:
        end = "is met again" if goal else "is no longer in the file of goals"
        return f"The goal {end}. It was missed since {alarm['missed_since']}: {alarm.sentence}"
    lines = [alarm.sentence, *([goal.next_step] if goal else []), f"Acknowledge: harkara alarms acknowledge {alarm.id}"]
    return "\n".join(lines)
