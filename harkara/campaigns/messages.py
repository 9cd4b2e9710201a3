"""Builds the message of each recipient of a campaign, or rejects the row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from harkara.campaigns.audience import Recipient, Reject
from harkara.errors import Invalid
from harkara.messages import Envelope


@dataclass(frozen=True, slots=True)
class CampaignMessage:
    """The message for the recipient in one row of the file."""

    row: int
    envelope: Envelope
    held_out: bool = False
    """Whether the recipient gets nothing, so that the effect of the campaign can be measured."""


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
