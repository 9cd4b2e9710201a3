"""Loads a campaign with its audience in batches; its messages are held back until the campaign starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select, update
from uuid_utils import uuid7

from harkara.campaigns.audience import Reject
from harkara.campaigns.messages import CampaignMessage
from harkara.campaigns.steps import HELD_OUT, CampaignSteps, producer
from harkara.errors import Conflict, Invalid
from harkara.json_record import iso_seconds
from harkara.ledger.database import Database
from harkara.ledger.halts import STAGE, hold_producer
from harkara.ledger.messages.insert_rows import NewMessage, insert_messages, message_row
from harkara.ledger.messages.trace import TracedChange, add_lines
from harkara.ledger.tables import campaign
from harkara.ledger.transaction import Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.messages.template import TemplateCategory
from harkara.people.printable import is_printable
from harkara.states import CampaignState, State

_HELD_OUT = "Its recipient was drawn to get nothing, so that the effect of the campaign can be measured."

BATCH_SIZE = 500
"""Messages in one transaction, so that other transactions wait only briefly for the load."""


def _new_id() -> str:
    return f"camp_{uuid7().hex}"


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """A campaign without its audience. Its id is the producer of its messages.

    A message is not sent after `expires`; without it, not later than `seconds` after the load began. `error_share` is
    the share of its latest messages that may fail before it pauses itself, from 0 to 1. `stop_loss` is in micros of
    `currency`. Answers within `answer_days` of the start count for its effect. `parent` is the campaign whose failed
    recipients this one has.
    """

    name: str
    lane: str
    kind: str
    template: str
    category: TemplateCategory
    source: str
    error_share: float
    seconds: float
    expires: datetime | None = None
    steps: CampaignSteps = field(default_factory=CampaignSteps)
    stop_loss: int | None = None
    currency: str | None = None
    answer_days: int = 7
    parent: str | None = None
    id: str = field(default_factory=_new_id)

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= 80 or not is_printable(self.name):
            raise Invalid("name", "must be 1 to 80 printable characters", f"this has {len(self.name)}")
        if not 0 < self.error_share <= 1:
            raise Invalid("error-share", "must be more than 0 and at most 1")
        if not 1 <= self.answer_days <= 30:
            raise Invalid("answer-days", "must be between 1 and 30 days")


@dataclass(slots=True)
class LoadResult:
    """The number of messages and of rejected rows, and the first of these."""

    audience: int = 0
    rejected: int = 0
    first_reject: Reject | None = None


def load(
    db: Database, plan: CampaignPlan, rows: Iterable[CampaignMessage | Reject], *, actor: Actor | None = None
) -> LoadResult:
    """Write the messages; the campaign is `ready` when the last one is committed, and that is an act of `actor`.

    A load that is interrupted leaves the campaign `loading`: it never starts and can only be cancelled. A campaign that
    is cancelled meanwhile stops the load. Nothing is written before the first message.

    Raises Conflict for a name that is in use and after a cancel, Invalid for an audience without a message and for a
    deadline that has passed, and Unavailable.
    """
    result = LoadResult()
    messages = _without_rejects(rows, result)
    ids: tuple[str, ...] = ()
    while batch := list(islice(messages, BATCH_SIZE)):
        with db.write() as tx:
            if not result.audience:
                expires = _deadline(plan, tx.now)
                _insert_campaign(tx, plan)
            insert_messages(tx, [_message_row(plan, each, tx.now, expires) for each in batch])
            held_out = [each.envelope.id for each in batch if each.held_out]
            add_lines(tx, [TracedChange(one, State.CANCELLED, HELD_OUT, _HELD_OUT) for one in held_out])
            ids = tuple(found(ids + tuple(each.envelope.id for each in batch)) for found in (min, max))
            _update_campaign(tx, plan, audience=campaign.c.audience + len(batch), first_id=ids[0], last_id=ids[1])
        result.audience += len(batch)
    if not result.audience:
        raise Invalid("audience", f"no row of {plan.source} gives a message", _measure(result))
    with db.write() as tx:
        _update_campaign(tx, plan, state=CampaignState.READY.value, rejected=result.rejected)
        if actor is not None:
            record_act(tx, actor, "campaign.created", plan.name, number=result.audience)
    return result


def _without_rejects(rows: Iterable[CampaignMessage | Reject], result: LoadResult) -> Iterator[CampaignMessage]:
    for row in rows:
        if isinstance(row, CampaignMessage):
            yield row
        else:
            result.rejected += 1
            result.first_reject = result.first_reject or row


def _measure(result: LoadResult) -> str:
    """Return why there is no message: a Reject repeats nothing of its row."""
    if result.first_reject is None:
        return "there is none below the header"
    return f"{result.rejected:,} rejected, the first of them {result.first_reject}"


def _deadline(plan: CampaignPlan, now: datetime) -> datetime:
    if plan.expires is None:
        return now + timedelta(seconds=plan.seconds)
    if plan.expires <= now:
        raise Invalid("expires", "has passed already", iso_seconds(plan.expires))
    return plan.expires


def _insert_campaign(tx: Transaction, plan: CampaignPlan) -> None:
    row = {
        "id": plan.id,
        "name": plan.name,
        "lane": plan.lane,
        "kind": plan.kind,
        "template": plan.template,
        "category": plan.category,
        "source": plan.source[-200:],
        "error_share": plan.error_share,
        "state": CampaignState.LOADING.value,
        "steps": plan.steps.dump(),
        "stages": len(plan.steps.stages),
        "stop_loss": plan.stop_loss,
        "currency": plan.currency,
        "answer_days": plan.answer_days if plan.steps.hold_out is not None else None,
        "parent_id": plan.parent,
        "created_at": tx.now,
        "changed_at": tx.now,
    }
    if plan.parent is not None:
        _check_no_other_round(tx, plan.parent)
    if not tx.execute(tx.insert_new(campaign).returning(campaign.c.id), row).first():
        raise Conflict(f"a campaign named {plan.name} exists already: give this one another --name")
    hold_producer(tx, plan.lane, plan.id, "campaign-ready", f"Campaign {plan.name} has not been started.")
    for stage in range(2, len(plan.steps.stages) + 1):
        reason = f"Campaign {plan.name} has not come to its stage {stage}."
        hold_producer(tx, plan.lane, producer(plan.id, stage), STAGE, reason)


def _check_no_other_round(tx: Transaction, parent: str) -> None:
    """Of two second rounds at once, one waits for this lock and is refused."""
    tx.execute(select(campaign.c.id).where(campaign.c.id == parent).with_for_update())
    others = (campaign.c.parent_id == parent, campaign.c.state != CampaignState.CANCELLED.value)
    if found := tx.execute(select(campaign.c.name).where(*others).limit(1)).scalar():
        raise Conflict(f"campaign {found} is the second round already: make the next one from its failed messages")


def _message_row(plan: CampaignPlan, planned: CampaignMessage, now: datetime, expires: datetime) -> NewMessage:
    row = message_row(planned.envelope, now, {plan.category: plan.seconds})
    row |= {"expires_at": expires, "campaign_id": plan.id, "position": planned.row, "code": None, "reason": None}
    if planned.held_out:
        row |= {"state": State.CANCELLED.value, "code": HELD_OUT, "reason": _HELD_OUT, "body": None, "fallback": None}
    return row


def _update_campaign(tx: Transaction, plan: CampaignPlan, **values: object) -> None:
    """Write `values` while the campaign is `loading`. A concurrent cancel waits for this batch or stops the load."""
    own = update(campaign).where(campaign.c.id == plan.id, campaign.c.state == CampaignState.LOADING.value)
    if not tx.execute(own.values(changed_at=tx.now, **values)).rowcount:
        raise Conflict(f"campaign {plan.name} was cancelled during its load")
