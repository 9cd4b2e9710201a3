"""Record what people agree to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harkara.client.base import BaseClient

if TYPE_CHECKING:  # an application without consent calls does not pay for their import
    from harkara.inbound.contact import ConsentAction, ConsentCategory


class ConsentCalls(BaseClient):
    """The part of `Client` that concerns consent."""

    def opt_out(
        self, to: str, *, proof: str, category: ConsentCategory = "everything", lane: str | None = None
    ) -> None:
        """Record that a person wants no more messages, or no more marketing, and cancel those that wait for them.

        Args:
            to: The person's number, as in `send`, or the `user_id` of a callback.
            proof: How you know: which form, in which words.
            category: `everything` or `marketing`.
            lane: The account that it concerns. Default: the client's lane.

        Raises Invalid and Unavailable.
        """
        self._record_consent("opt-out", to, proof, category, lane)

    def opt_in(self, to: str, *, proof: str, category: ConsentCategory = "everything", lane: str | None = None) -> None:
        """Record that a person wants messages again, or agrees to marketing.

        Messages that an opt-out cancelled stay cancelled. Arguments and errors are those of `opt_out`.
        """
        self._record_consent("opt-in", to, proof, category, lane)

    def _record_consent(self, action: ConsentAction, to: str, proof: str, category: str, lane: str | None) -> None:
        # Imported here: an application without consent calls does not pay for it.
        from harkara.inbound.contact import ConsentChoice
        from harkara.people.names import parse_name

        name, now = parse_name(to, self._region), datetime.now(UTC)
        choice = ConsentChoice.parse(name, action=action, category=category, how="application", proof=proof, at=now)
        self._backend.record_consent(lane or self._lane, choice)
