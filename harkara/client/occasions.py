"""Save occasions; their reminders follow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from harkara.client.options import ClosingOptions, OccasionOptions
from harkara.client.sync import SyncCalls
from harkara.receipt import Change

if TYPE_CHECKING:  # an application without occasions does not pay for their import
    from harkara.occasions.rules import ClosedStatus


class OccasionCalls(SyncCalls):
    """The part of `Client` that concerns occasions."""

    def save_occasion(
        self,
        kind: str,
        reference: str,
        *,
        at: date,
        to: str,
        zone: str | None = None,
        parameters: Mapping[str, str] | None = None,
        version: int | None = None,
        lane: str | None = None,
        language: str | None = None,
    ) -> Change:
        """Create an occasion, or change it; its reminders follow by the rules of its kind. A repeat changes nothing.

        Args:
            kind: What will happen, such as `appointment`; the reminder rules list the kinds.
            reference: Your own name for it, unique within the kind and the lane.
            at: When it happens: a datetime, or a date for the whole day. A naive time is local to `zone`.
            to: The customer's number, as in `send`.
            zone: Name of the time zone whose calendar and clock count, such as `Asia/Kolkata`. Default: the lane's.
            parameters: Values for the templates of all the kind's reminders. Those that the rules fill from `at`, such
                as date and time, may be left out.
            version: Your own version number. A call with an older one than is stored returns OUTDATED.
            lane: The Chat Mitra account that sends the reminders. Default: the client's lane.
            language: Language code of the reminders, such as `hi`. Default: each template's.

        Raises:
            Invalid: An argument breaks a rule. Nothing was stored.
            Conflict: The version exists with other content. Through Redis, a worker logs that instead.
            Unavailable: Redis or the database did not answer. Repeat the call.
        """
        options: OccasionOptions = {
            "at": at,
            "zone": zone,
            "parameters": parameters,
            "version": version,
            "lane": lane,
            "language": language,
        }
        return self._run(self._save_occasion_steps(kind, reference, to, options))

    def cancel_occasion(
        self,
        kind: str,
        reference: str,
        *,
        reason: str | None = None,
        version: int | None = None,
        lane: str | None = None,
    ) -> Change:
        """Record that an occasion will not happen, and cancel its reminders. The rules may send a message about it.

        Raises as `save_occasion` does, and NotFound for an unknown one (with `database_url`). Through Redis alone, the
        callback `occasion.refused` and the log of the worker report an update that the ledger refuses later.
        """
        return self._close(kind, reference, "cancelled", {"reason": reason, "version": version, "lane": lane})

    def complete_occasion(
        self,
        kind: str,
        reference: str,
        *,
        reason: str | None = None,
        version: int | None = None,
        lane: str | None = None,
    ) -> Change:
        """Record that an occasion was kept, paid or delivered, and cancel its reminders.

        The rules may then send a message such as the question for feedback. Raises as `cancel_occasion` does.
        """
        return self._close(kind, reference, "completed", {"reason": reason, "version": version, "lane": lane})

    def no_show_occasion(
        self,
        kind: str,
        reference: str,
        *,
        reason: str | None = None,
        version: int | None = None,
        lane: str | None = None,
    ) -> Change:
        """Record that the customer did not come to an occasion, and cancel its reminders.

        No feedback is asked for. Raises as `cancel_occasion` does.
        """
        return self._close(kind, reference, "no-show", {"reason": reason, "version": version, "lane": lane})

    def _close(self, kind: str, reference: str, status: ClosedStatus, options: ClosingOptions) -> Change:
        return self._run(self._close_occasion_steps(kind, reference, status, options))
