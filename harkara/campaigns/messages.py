"""Makes a message of each recipient: the template's parameters from the row, or why they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from harkara.campaigns.audience import Recipient, Reject
from harkara.errors import Invalid
from harkara.messages import Envelope


@dataclass(frozen=True, slots=True)
class CampaignMessage:
    """The message to the recipient of one row."""

    row: int
    envelope: Envelope


def messages_of(
    rows: Iterable[Recipient | Reject], make: Callable[[Recipient], Envelope]
) -> Iterator[CampaignMessage | Reject]:
    """Each row in its order; one whose values `make` refuses as Invalid is rejected with the code invalid-value."""
    for row in rows:
        yield row if isinstance(row, Reject) else _letter(row, make)


def _letter(recipient: Recipient, make: Callable[[Recipient], Envelope]) -> CampaignMessage | Reject:
    try:
        return CampaignMessage(recipient.row, make(recipient))
    except Invalid as error:
        rule = error.rule + (f" ({error.measure})" if error.measure else "")
        return Reject(recipient.row, error.field.rpartition(".")[2], rule, "invalid-value")
