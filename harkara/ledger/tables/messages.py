"""The tables of messages, their other ids, their attempts and their trace."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlmodel import Field, SQLModel

from harkara.ledger.tables.columns import counter, partial
from harkara.states import DONE, State

_SETTLED_STATES = [state for state in State if state in DONE | {State.UNCERTAIN}]
_SETTLED = f"state IN ({', '.join(repr(s.value) for s in _SETTLED_STATES)})"
_UNREAD = f"state IN ({', '.join(repr(s.value) for s in _SETTLED_STATES if s not in (State.DELIVERED, State.READ))})"

OPEN_ANSWER = "talk_person IS NOT NULL AND state IN ('waiting', 'queued', 'claimed')"
"""An answer of the assistant that has not left."""


class MessageRow(SQLModel, table=True):
    """One message: what to send, its state, and when it is due.

    `planned_at` is the first `due_at`, which every wait moves; it is null in rows of earlier releases.
    `fallback` is sent instead when the 24-hour window is closed; `replaced` says that it was. It is erased when it
    cannot be needed any more: the message has arrived, is final, or is past its deadline.

    An answer of the assistant names the person of its conversation, and the revision at which it may be sent.
    `traceparent` is the W3C Trace Context with which the application handed the message over.

    `country`, `answered` and `opted_out` are written when `recipient` is erased (`messages/erased_number.py`).
    """

    __tablename__ = "message"

    __table_args__ = (
        partial("uq_message_reference_lane", "reference", "lane", where="reference IS NOT NULL", unique=True),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in State)})", name="state"),
        CheckConstraint("tries <= claims", name="tries"),
        partial("ix_message_due", "lane", "priority", "producer", "due_at", "expires_at", where="state = 'waiting'"),
        partial("ix_message_backlog", "lane", "due_at", where="state = 'waiting'"),
        partial("ix_message_recipient_lane", "recipient", "lane", where="state = 'waiting' AND recipient IS NOT NULL"),
        partial("ix_message_lease", "lease_until", where="state IN ('queued', 'claimed', 'sending')"),
        partial("ix_message_uncertain", "resend_at", where="state = 'uncertain'"),
        partial("ix_message_failed", "lane", "changed_at", where="state = 'failed' AND campaign_id IS NULL"),
        partial("ix_message_codes", "recipient", "posted_at", where="category = 'authentication'"),
        partial("ix_message_occasion", "occasion_id", where="occasion_id IS NOT NULL"),
        partial("ix_message_campaign_state", "campaign_id", "state", where="campaign_id IS NOT NULL"),
        partial("ix_message_campaign_posted", "campaign_id", "posted_at", where="campaign_id IS NOT NULL"),
        partial("ix_message_retention", "created_at", where=f"recipient IS NOT NULL AND {_SETTLED}"),
        partial("ix_message_job", "job_id", where="job_id IS NOT NULL"),
        partial("ix_message_whatsapp", "whatsapp_id", where="whatsapp_id IS NOT NULL"),
        partial("ix_message_recipient", "recipient", "id", where=f"recipient IS NOT NULL AND {_SETTLED}"),
        partial("ix_message_state", "state", "id", where=_UNREAD),
        partial("ix_message_code", "code", "id", where="code IS NOT NULL"),
        partial("ix_message_template", "template", "id", where=f"template IS NOT NULL AND {_SETTLED}"),
        partial("ix_message_flagged", "id", where="maybe_duplicate"),
        partial("ix_message_talk", "talk_person", "lane", where=OPEN_ANSWER),
        partial("ix_message_fallback", "expires_at", where="fallback IS NOT NULL AND state IN ('accepted', 'sent')"),
    )

    id: str = Field(primary_key=True, max_length=40)
    reference: str | None = Field(default=None, max_length=200)
    digest: str | None = Field(default=None, max_length=64)
    lane: str = Field(max_length=40)
    producer: str = Field(max_length=40)
    recipient: str | None = Field(default=None, max_length=15)
    kind: str = Field(max_length=20)
    template: str | None = Field(default=None, max_length=60)
    category: str = Field(max_length=20)
    priority: int
    quiet: bool
    weight: int
    body: str | None = Field(default=None, sa_type=Text)
    fallback: str | None = Field(default=None, sa_type=Text)

    state: str = Field(max_length=10)
    due_at: datetime
    planned_at: datetime | None = None
    expires_at: datetime
    lease_until: datetime | None = None
    resend_at: datetime | None = None
    on_evidence: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    epoch: int = counter()
    claims: int = counter()
    strikes: int = counter()
    tries: int = counter()
    waits: int = counter()
    waited_for: str | None = Field(default=None, max_length=40)
    resends: int = counter()
    maybe_duplicate: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    replaced: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    code: str | None = Field(default=None, max_length=40)
    reason: str | None = Field(default=None, max_length=1000)
    job_id: str | None = Field(default=None, max_length=200)
    whatsapp_id: str | None = Field(default=None, max_length=32)

    created_at: datetime
    changed_at: datetime
    posted_at: datetime | None = None

    occasion_id: str | None = Field(default=None, max_length=40)
    revision: int | None = None
    rule: str | None = Field(default=None, max_length=40)
    answer: str | None = Field(default=None, max_length=12)
    campaign_id: str | None = Field(default=None, max_length=40)
    position: int | None = None

    talk_person: str | None = Field(default=None, max_length=40)
    talk_revision: int | None = None

    traceparent: str | None = Field(default=None, max_length=55)

    country: str | None = Field(default=None, max_length=4)
    answered: bool | None = None
    opted_out: bool | None = None


class AliasRow(SQLModel, table=True):
    """Another id of a message, which a client gave to a repeat of a known reference."""

    __tablename__ = "alias"

    __table_args__ = (Index("ix_alias_message_id", "message_id"),)

    id: str = Field(primary_key=True, max_length=40)
    message_id: str = Field(foreign_key="message.id", max_length=40)


class AttemptRow(SQLModel, table=True):
    """One POST, committed before its first byte leaves. The primary key allows one for each claim.

    Its fingerprint is a keyed digest of recipient and content, by which a webhook event finds the attempt. It has no
    foreign key, which would be checked for each POST: a message is deleted together with its attempts.
    """

    __tablename__ = "attempt"

    __table_args__ = (
        Index("ix_attempt_lane_started_at", "lane", "started_at"),
        partial("ix_attempt_echo", "echo", "started_at", where="echo IS NOT NULL"),
    )

    message_id: str = Field(primary_key=True, max_length=40)
    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    lane: str = Field(max_length=40)
    weight: int
    worker: str = Field(max_length=80)
    gates: str = Field(max_length=400)
    echo: str | None = Field(default=None, max_length=32)
    claimed_at: datetime
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = Field(default=None, max_length=20)
    status: int | None = None
    code: str | None = Field(default=None, max_length=40)
    text: str | None = Field(default=None, max_length=1000)
    job_id: str | None = Field(default=None, max_length=200)


class ReplacedPostRow(SQLModel, table=True):
    """A name that events have for a POST which a fallback has replaced: later events about it are not the fallback's.

    `kind` is `whatsapp`, with the digest of WhatsApp's id as `value`, or `job`, with Chat Mitra's job id.
    """

    __tablename__ = "replaced_post"

    __table_args__ = (Index("ix_replaced_post_message_id", "message_id"),)

    lane: str = Field(primary_key=True, max_length=40)
    kind: str = Field(primary_key=True, max_length=20)
    value: str = Field(primary_key=True, max_length=256)
    message_id: str = Field(foreign_key="message.id", max_length=40)


class TraceRow(SQLModel, table=True):
    """One line of a message's history: a wait, a refusal or a change of state. Rows are only ever added.

    It has no foreign key, which would be checked for each change of a state: a message is deleted with its trace.
    """

    __tablename__ = "trace"

    __table_args__ = (Index("ix_trace_message_id", "message_id"),)

    id: int | None = Field(default=None, primary_key=True)
    message_id: str = Field(max_length=40)
    at: datetime
    event: str = Field(max_length=20)
    code: str | None = Field(default=None, max_length=40)
    detail: str | None = Field(default=None, max_length=1000)
