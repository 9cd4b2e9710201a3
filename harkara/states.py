"""The states of a message; docs/lifecycle.md draws who moves it from one to the next."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """A message is in exactly one of these, always."""

    WAITING = "waiting"  # in the ledger, goes out at `due_at`
    QUEUED = "queued"  # a hint with its id is in Redis
    CLAIMED = "claimed"  # leased by one worker; nothing was sent yet
    SENDING = "sending"  # its attempt is committed; the POST may be on its way
    UNCERTAIN = "uncertain"  # a POST may have reached Chat Mitra
    ACCEPTED = "accepted"  # Chat Mitra answered with its job id
    SENT = "sent"  # left Chat Mitra
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"  # final, with a code and a sentence
    CANCELLED = "cancelled"  # final, with who and why


FINAL = frozenset({State.FAILED, State.CANCELLED})
"""Never change again; a resend is a new message. Only webhooks may tell of a `failed` one that it arrived after all."""

DONE = FINAL | {State.ACCEPTED, State.SENT, State.DELIVERED, State.READ}
"""Nothing more is POSTed for these, so a one-time code is no longer needed."""

UNSENT = frozenset({State.WAITING, State.QUEUED, State.CLAIMED})
"""Nothing has left yet: may still be cancelled."""


class CampaignState(StrEnum):
    """A campaign is in exactly one of these."""

    LOADING = "loading"  # its audience is being written; stays so where that was interrupted
    READY = "ready"
    SCHEDULED = "scheduled"  # starts by itself at `start_at`
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"  # none of its messages moves by itself any more
