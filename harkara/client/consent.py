"""Record what people agree to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harkara.client.sync import SyncCalls

if TYPE_CHECKING:  # an application without consent calls does not pay for their import
    from harkara.inbound.contact import ConsentCategory


class ConsentCalls(SyncCalls):
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
        self._run(self._consent_steps("opt-out", to, proof, category, lane))

    def opt_in(self, to: str, *, proof: str, category: ConsentCategory = "everything", lane: str | None = None) -> None:
        """Record that a person wants messages again, or agrees to marketing.

        Messages that an opt-out cancelled stay cancelled. Arguments and errors are those of `opt_out`.
        """
        self._run(self._consent_steps("opt-in", to, proof, category, lane))
