"""Builds the message of each recipient of a campaign, or rejects the row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from harkara.campaigns.audience import Recipient, Reject
from harkara.campaigns.steps import SEGMENT, CampaignSteps, producer
from harkara.catalogue.fill import Filler
from harkara.errors import Invalid
from harkara.messages import Envelope

CUSTOMER_NAME: Final = "customer_name"
"""The parameter that each kind may have besides its own: the report shows it."""


@dataclass(frozen=True, slots=True)
class CampaignMessage:
    """The message for the recipient in one row of the file."""

    row: int
    envelope: Envelope
    held_out: bool = False
    """Whether the recipient gets nothing, so that the effect of the campaign can be measured."""


@dataclass(slots=True)
class MessageBuilder:
    """Builds the message of each recipient of the campaign `name`. What a stage has in common is validated once."""

    filler: Filler
    steps: CampaignSteps
    name: str
    id: str
    lane: str
    _first: dict[int, Envelope] = field(default_factory=dict)  # of each stage

    def __call__(self, recipient: Recipient) -> CampaignMessage:
        """Raises Invalid."""
        to, values = recipient.to, dict(recipient.values)
        name = values.pop(CUSTOMER_NAME, None) or None
        stage = self.steps.stage(self.name, to, values.pop(SEGMENT, None))
        template = self.filler.fill(values)
        if stage in self._first:
            envelope = self._first[stage].for_recipient(to, template, name)
        else:
            of_stage = producer(self.id, stage)
            envelope = Envelope(to=to, messages=[template], lane=self.lane, producer=of_stage, customer_name=name)
            self._first[stage] = envelope
        return CampaignMessage(recipient.row, envelope, self.steps.holds_out(self.name, to))


def build_messages(
    rows: Iterable[Recipient | Reject], build: Callable[[Recipient], CampaignMessage]
) -> Iterator[CampaignMessage | Reject]:
    """Yield the message of each row in order. A row for which `build` raises Invalid is a Reject `invalid-value`."""
    for row in rows:
        yield row if isinstance(row, Reject) else _build_message(row, build)


def _build_message(recipient: Recipient, build: Callable[[Recipient], CampaignMessage]) -> CampaignMessage | Reject:
    try:
        return build(recipient)
    except Invalid as error:
        rule = error.rule + (f" ({error.measure})" if error.measure else "")
        return Reject(recipient.row, error.field.rpartition(".")[2], rule, "invalid-value")
