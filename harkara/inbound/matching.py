"""Which message of ours an event is about; if none for certain, it is an orphan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from harkara.inbound.events import StatusChanged
from harkara.inbound.values import digest
from harkara.states import UNSENT, State

RECENT = timedelta(hours=1)
"""How long after its POST a message is recognised by its words; it takes 30 s at most (docs, Simple Text Message)."""

SKEW = timedelta(seconds=30)
"""What their clock may be behind ours; also, they count in whole seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A message of the event's lane, with the first and the last POST that may have arrived.

    `echo` is the keyed digest of its recipient and content (see `echo.keyed`), `whatsapp_id` the digest of the id that
    an event gave it. `resends` are its tries after doubt: with one, the message may have arrived although it waits.
    """

    id: str
    state: State
    first_posted_at: datetime | None
    posted_at: datetime | None
    resends: int = 0
    job_id: str | None = None
    whatsapp_id: str | None = None
    echo: str | None = None


def match(
    event: StatusChanged, echo: str | None, candidates: Iterable[Candidate], *, recent: timedelta = RECENT
) -> Candidate | None:
    """The message that the event is about. None is an orphan: nobody's, or it could be more than one's.

    `echo` is that of the event's own recipient and content; None when it shows too little of them.

    No known event carries a job id, and none says whether a message was typed in the dashboard (field reports). So one
    is ours by its ids, else only when recipient and content are the same and it can have happened: a message with an
    id of its own, one that was refused and one that never left are no match, however alike they look.

    Of several that look alike, what Chat Mitra took explains an event before what it may not have, and of equals the
    oldest does. Else the event of a message that arrived would make one pass for sent that did not.
    """
    known = list(candidates)
    named = [one for one in known if names(event, one)]
    if named:
        return named[0] if len(named) == 1 else None
    alike = [one for one in known if _alike(event, echo, one) and _in_time(event, one, recent)]
    return min(alike, key=lambda one: (one.state is not State.ACCEPTED, one.first_posted_at, one.id), default=None)


def names(event: StatusChanged, one: Candidate) -> bool:
    """Whether the event has an id of this message.

    A second event of a hand-over of several messages has its job id and a message id of its own.
    """
    by_job = event.job_id is not None and event.job_id == one.job_id
    return by_job or (one.whatsapp_id is not None and whatsapp_id(event) == one.whatsapp_id)


def whatsapp_id(event: StatusChanged) -> str | None:
    """The event's message id as the ledger keeps it: the id itself holds the number."""
    return None if event.message_id is None else digest(event.message_id)


def _alike(event: StatusChanged, echo: str | None, one: Candidate) -> bool:
    taken = one.whatsapp_id is not None or (event.job_id is not None and one.job_id is not None)
    return echo is not None and echo == one.echo and not taken and _may_have_left(one)


def _may_have_left(one: Candidate) -> bool:
    """Also while it is being sent, since a webhook may be faster than our record of the answer."""
    in_doubt = one.state in UNSENT and one.resends > 0
    return in_doubt or one.state in (State.SENDING, State.UNCERTAIN, State.ACCEPTED)


def _in_time(event: StatusChanged, one: Candidate, recent: timedelta) -> bool:
    if one.first_posted_at is None or one.posted_at is None:
        return False
    return one.first_posted_at - SKEW <= event.at <= one.posted_at + recent
