"""The ledger's tables; `migrations/` brings a database to this shape."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import BigInteger, CheckConstraint, Index, Table, Text, text
from sqlmodel import Field, SQLModel

from harkara.states import DONE, State

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def _counter() -> int:
    return cast(int, Field(default=0, sa_column_kwargs={"server_default": text("0")}))


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows of one kind only: small, however many the table holds."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


_SETTLED = f"state IN ({', '.join(repr(s.value) for s in State if s in DONE | {State.UNCERTAIN})})"


class Message(SQLModel, table=True):
    """One hand-over to Chat Mitra: what to send, where it stands, and when it is due.

    `fallback` is what goes instead when the 24-hour window is closed, `replaced` whether a template went so.
    """

    __table_args__ = (
        _partial("uq_message_reference_lane", "reference", "lane", where="reference IS NOT NULL", unique=True),
        CheckConstraint(f"state IN ({', '.join(repr(s.value) for s in State)})", name="state"),
        CheckConstraint("tries <= claims", name="tries"),
        _partial("ix_message_due", "lane", "priority", "producer", "due_at", "expires_at", where="state = 'waiting'"),
        _partial("ix_message_backlog", "lane", "due_at", where="state = 'waiting'"),
        _partial("ix_message_recipient_lane", "recipient", "lane", where="state = 'waiting'"),
        _partial("ix_message_lease", "lease_until", where="state IN ('queued', 'claimed', 'sending')"),
        _partial("ix_message_uncertain", "resend_at", where="state = 'uncertain'"),
        _partial("ix_message_codes", "recipient", "posted_at", where="category = 'authentication'"),
        _partial("ix_message_occasion", "occasion_id", where="occasion_id IS NOT NULL"),
        _partial("ix_message_campaign_state", "campaign_id", "state", where="campaign_id IS NOT NULL"),
        _partial("ix_message_campaign_posted", "campaign_id", "posted_at", where="campaign_id IS NOT NULL"),
        _partial("ix_message_retention", "created_at", where=f"recipient IS NOT NULL AND {_SETTLED}"),
        _partial("ix_message_job", "job_id", where="job_id IS NOT NULL"),
        _partial("ix_message_whatsapp", "whatsapp_id", where="whatsapp_id IS NOT NULL"),
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
    expires_at: datetime
    lease_until: datetime | None = None
    resend_at: datetime | None = None
    on_evidence: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    epoch: int = _counter()
    claims: int = _counter()
    strikes: int = _counter()
    tries: int = _counter()
    waits: int = _counter()
    waited_for: str | None = Field(default=None, max_length=40)
    resends: int = _counter()
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
    campaign_id: str | None = Field(default=None, max_length=40)
    position: int | None = None


class Occasion(SQLModel, table=True):
    """Something that will happen to a customer; its reminders are messages that name it and its revision.

    `version` is the application's own and only ever grows; `revision` grows with every change that its reminders must
    follow. `rules` is the digest of the rules by which they were derived.
    """

    __table_args__ = (
        Index("uq_occasion_reference_kind_lane", "reference", "kind", "lane", unique=True),
        CheckConstraint("status IN ('open', 'cancelled', 'completed')", name="status"),
        _partial("ix_occasion_rules", "kind", "rules", "at", where="status = 'open'"),
        _partial("ix_occasion_retention", "at", where="recipient IS NOT NULL"),
        _partial("ix_occasion_recipient", "recipient", "lane", where="status = 'open' AND recipient IS NOT NULL"),
    )

    id: str = Field(primary_key=True, max_length=40)
    reference: str = Field(max_length=200)
    kind: str = Field(max_length=40)
    lane: str = Field(max_length=40)
    producer: str = Field(max_length=40)
    recipient: str | None = Field(default=None, max_length=15)
    language: str | None = Field(default=None, max_length=10)
    parameters: str | None = Field(default=None, sa_type=Text)
    at: datetime
    zone: str = Field(max_length=60)
    version: int | None = Field(default=None, sa_type=BigInteger)
    revision: int = _counter()
    rules: str = Field(max_length=16)
    status: str = Field(max_length=10)
    reason: str | None = Field(default=None, max_length=200)
    created_at: datetime
    changed_at: datetime


class Campaign(SQLModel, table=True):
    """One template to a frozen audience; its messages name it, and are of a producer by its id.

    What has not started or is paused is held by a halt on that producer.
    """

    __table_args__ = (
        CheckConstraint(
            "state IN ('loading', 'ready', 'scheduled', 'running', 'paused', 'cancelled', 'finished')", name="state"
        ),
    )

    id: str = Field(primary_key=True, max_length=40)
    name: str = Field(max_length=80, unique=True)
    lane: str = Field(max_length=40)
    kind: str = Field(max_length=60)
    template: str = Field(max_length=60)
    category: str = Field(max_length=20)
    source: str = Field(max_length=200)
    audience: int = _counter()
    rejected: int = _counter()
    error_share: float
    state: str = Field(max_length=10)
    code: str | None = Field(default=None, max_length=40)
    reason: str | None = Field(default=None, max_length=1000)
    created_at: datetime
    changed_at: datetime
    start_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    resumed_at: datetime | None = None


class Alias(SQLModel, table=True):
    """Another id of a message: given by a client to a repeat of a reference that was known already."""

    id: str = Field(primary_key=True, max_length=40)
    message_id: str = Field(foreign_key="message.id", max_length=40)


class Attempt(SQLModel, table=True):
    """One POST, committed before its first byte leaves. At most one for each claim, which the key enforces.

    `echo` is a keyed digest of recipient and content, by which an event of Chat Mitra finds it.
    """

    __table_args__ = (
        Index("ix_attempt_lane_started_at", "lane", "started_at"),
        _partial("ix_attempt_echo", "echo", "started_at", where="echo IS NOT NULL"),
    )

    message_id: str = Field(primary_key=True, foreign_key="message.id", max_length=40)
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


class Trace(SQLModel, table=True):
    """Why a message is where it is: every wait, every refusal, every hand that moved it. Only ever appended to."""

    __table_args__ = (Index("ix_trace_message_id", "message_id"),)

    id: int | None = Field(default=None, primary_key=True)
    message_id: str = Field(foreign_key="message.id", max_length=40)
    at: datetime
    event: str = Field(max_length=20)
    code: str | None = Field(default=None, max_length=40)
    detail: str | None = Field(default=None, max_length=1000)


class Halt(SQLModel, table=True):
    """What is held back: a lane (parked, or its breaker open), a template, a recipient or a producer of a lane.

    `until` None is until an operator lifts it. A lane's halt that has run out stays as the sign that the
    lane is to be probed with one message; the first answer from Chat Mitra removes it.
    """

    lane: str = Field(primary_key=True, max_length=40)
    scope: str = Field(primary_key=True, max_length=10)
    subject: str = Field(primary_key=True, default="", max_length=60)
    code: str = Field(max_length=40)
    reason: str = Field(max_length=1000)
    since: datetime
    until: datetime | None = None
    times: int = _counter()


class Event(SQLModel, table=True):
    """One event of a webhook, kept before the webhook is answered, and folded into the ledger later.

    `identity` is what two deliveries of the same event have in common. `body` is the event's JSON.
    """

    __table_args__ = (
        Index("uq_event_identity_lane", "identity", "lane", unique=True),
        CheckConstraint("state IN ('new', 'folded', 'orphan', 'unknown')", name="state"),
        _partial("ix_event_due", "due_at", where="state = 'new'"),
        _partial("ix_event_heard", "due_at", where="state = 'new' AND about = 'received'"),
        Index("ix_event_lane_received_at", "lane", "received_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    lane: str = Field(max_length=40)
    identity: str = Field(max_length=32)
    about: str = Field(max_length=40)
    body: str | None = Field(default=None, sa_type=Text)
    state: str = Field(max_length=10)
    message_id: str | None = Field(default=None, max_length=40)
    at: datetime
    received_at: datetime
    due_at: datetime
    tries: int = _counter()


class Contact(SQLModel, table=True):
    """A person as an account knows them: when they last wrote, and what they do not want any more.

    `stopped` is what is not sent to them: everything, marketing alone, or nothing of that (None). `agreed_at` is since
    when they want marketing, `wished_at` when they last said either.
    """

    __table_args__ = (
        CheckConstraint("stopped IN ('everything', 'marketing')", name="stopped"),
        _partial("ix_contact_retention", "wrote_at", where="wished_at IS NULL"),
    )

    lane: str = Field(primary_key=True, max_length=40)
    recipient: str = Field(primary_key=True, max_length=15)
    wrote_at: datetime | None = None
    stopped: str | None = Field(default=None, max_length=10)
    agreed_at: datetime | None = None
    wished_at: datetime | None = None


class Consent(SQLModel, table=True):
    """The proof of one opt-out or opt-in: when, how, and by which words. Only ever appended to."""

    __table_args__ = (
        Index("ix_consent_recipient_lane", "recipient", "lane"),
        CheckConstraint("wish IN ('opt-out', 'opt-in')", name="wish"),
        CheckConstraint("category IN ('everything', 'marketing')", name="category"),
    )

    id: int | None = Field(default=None, primary_key=True)
    lane: str = Field(max_length=40)
    recipient: str = Field(max_length=15)
    at: datetime
    wish: str = Field(max_length=10)
    category: str = Field(max_length=10)
    how: str = Field(max_length=20)
    proof: str | None = Field(default=None, max_length=500)


class Callback(SQLModel, table=True):
    """Something that the application is told: a webhook of ours, due until it was taken or its day is over.

    `subject` is the id of the message, event or occasion that it is about. `data` is what is told, and goes when it has
    been. While a worker carries it, `due_at` lies ahead: that is its lease.
    """

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name="state"),
        _partial("ix_callback_due", "due_at", where="state = 'waiting'"),
        _partial("ix_callback_delivered", "done_at", where="state = 'delivered'"),
        _partial("ix_callback_dead", "done_at", where="state = 'dead'"),
    )

    id: str = Field(primary_key=True, max_length=40)
    lane: str = Field(max_length=40)
    kind: str = Field(max_length=40)
    subject: str = Field(max_length=40)
    data: str | None = Field(default=None, sa_type=Text)
    state: str = Field(max_length=10)
    due_at: datetime
    expires_at: datetime
    created_at: datetime
    done_at: datetime | None = None
    tries: int = _counter()
    status: int | None = None
    reason: str | None = Field(default=None, max_length=200)


class Duty(SQLModel, table=True):
    """Work that one process does for all at a time (dispatch, sweep), under a short lease."""

    name: str = Field(primary_key=True, max_length=20)
    holder: str = Field(max_length=80)
    until: datetime
    done_at: datetime | None = None


message = cast(Table, Message.__table__)  # type: ignore[attr-defined]  # SQLModel adds it at run time
occasion = cast(Table, Occasion.__table__)  # type: ignore[attr-defined]  # the same
campaign = cast(Table, Campaign.__table__)  # type: ignore[attr-defined]  # the same
alias = cast(Table, Alias.__table__)  # type: ignore[attr-defined]  # the same
attempt = cast(Table, Attempt.__table__)  # type: ignore[attr-defined]  # the same
trace = cast(Table, Trace.__table__)  # type: ignore[attr-defined]  # the same
halt = cast(Table, Halt.__table__)  # type: ignore[attr-defined]  # the same
event = cast(Table, Event.__table__)  # type: ignore[attr-defined]  # the same
contact = cast(Table, Contact.__table__)  # type: ignore[attr-defined]  # the same
consent = cast(Table, Consent.__table__)  # type: ignore[attr-defined]  # the same
callback = cast(Table, Callback.__table__)  # type: ignore[attr-defined]  # the same
duty = cast(Table, Duty.__table__)  # type: ignore[attr-defined]  # the same
