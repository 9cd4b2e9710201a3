"""Find the message of ours that an event is about; an event without a certain match is an orphan."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from harkara.inbound.events import StatusChanged
from harkara.inbound.normalization import digest
from harkara.states import UNSENT, State

RECENT = timedelta(hours=1)
"""How long after its POST a message matches by its content; delivery takes 30 s at most (docs, Simple Text Message)."""

CLOCK_SKEW = timedelta(seconds=30)
"""How far the provider's clock may be behind ours; it also counts in whole seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A message of the event's lane, with the times of the first and the last POST that may have arrived.

    `fingerprint` is that of its recipient and content (see `fingerprint.keyed`). `whatsapp_id` is the digest of the id
    that an earlier event gave to the message. `resends` counts the tries after a doubtful one: a message with such a
    try may have arrived even though it is waiting.
    """

    id: str
    state: State
    first_posted_at: datetime | None
    posted_at: datetime | None
    resends: int = 0
    job_id: str | None = None
    whatsapp_id: str | None = None
    fingerprint: str | None = None


def match(
    event: StatusChanged,
    fingerprints: Collection[str],
    candidates: Iterable[Candidate],
    *,
    recent: timedelta = RECENT,
) -> Candidate | None:
    """Return the message that the event is about; None if there is none, or if several could be meant.

    `fingerprints` are those of the event's content and each name of its recipient; there are none when the event shows
    too little of them.

    No known event carries a job id, and none shows whether a message was typed in the dashboard (field reports). An
    event therefore matches by its ids, or else by equal recipient and content within a plausible time. A message
    with an id of its own, a refused one and an unsent one never match by content.

    Among several matches by content an accepted message comes before an uncertain one, then the oldest comes first.
    Otherwise the event of a message that arrived could mark one as sent that did not.
    """
    found = list(candidates)
    named = [one for one in found if matches_id(event, one)]
    if named:
        return named[0] if len(named) == 1 else None
    alike = [one for one in found if _matches_content(event, fingerprints, one) and _in_time(event, one, recent)]
    return min(alike, key=lambda one: (one.state is not State.ACCEPTED, one.first_posted_at, one.id), default=None)


def matches_id(event: StatusChanged, candidate: Candidate) -> bool:
    """Return whether the event carries an id of this message.

    Of a request with several messages, each event has the same job id and a message id of its own.
    """
    by_job = event.job_id is not None and event.job_id == candidate.job_id
    return by_job or (candidate.whatsapp_id is not None and whatsapp_id(event) == candidate.whatsapp_id)


def whatsapp_id(event: StatusChanged) -> str | None:
    """Return the event's message id as the ledger stores it: a digest, since the id contains the phone number."""
    return None if event.message_id is None else digest(event.message_id)


def _matches_content(event: StatusChanged, fingerprints: Collection[str], one: Candidate) -> bool:
    has_other_id = one.whatsapp_id is not None or (event.job_id is not None and one.job_id is not None)
    same = one.fingerprint is not None and one.fingerprint in fingerprints
    return same and not has_other_id and _may_have_left(one)


def _may_have_left(one: Candidate) -> bool:
    """Also while it is being sent, since a webhook may be faster than our record of the answer."""
    in_doubt = one.state in UNSENT and one.resends > 0
    return in_doubt or one.state in (State.SENDING, State.UNCERTAIN, State.ACCEPTED)


def _in_time(event: StatusChanged, one: Candidate, recent: timedelta) -> bool:
    if one.first_posted_at is None or one.posted_at is None:
        return False
    return one.first_posted_at - CLOCK_SKEW <= event.at <= one.posted_at + recent
