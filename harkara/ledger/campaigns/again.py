"""The second round of a campaign: a new one for the recipients whose message failed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime
from functools import partial
from typing import cast

from sqlalchemy import exists, literal, or_, select

from harkara.campaigns.audience import Recipient, Reject
from harkara.campaigns.columns import TO
from harkara.campaigns.messages import CampaignMessage, build_messages
from harkara.campaigns.rejects import Rejects
from harkara.campaigns.status import CampaignSummary
from harkara.errors import Conflict
from harkara.ledger.campaigns.consent_filter import filter_by_consent
from harkara.ledger.campaigns.create import CampaignSettings
from harkara.ledger.campaigns.load import CampaignPlan, LoadResult, load
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.messages.send_again import PREFIX
from harkara.ledger.tables import campaign, message
from harkara.ledger.users.acts import Actor
from harkara.messages import Envelope
from harkara.messages.template import TemplateCategory
from harkara.messages.validation import as_handed_over
from harkara.people.names import normalize_stored
from harkara.states import CampaignState, State

_PAGE_ROWS = 500

_BODY = "body"

ERASED = "erased"
"""The code of a recipient whose message cannot be sent again, since the retention has erased it."""

SENT_AGAIN = "sent-again"
"""The code of a recipient who may have a later message: of a cancelled round, or sent again by an operator."""

_OVER = (CampaignState.FINISHED, CampaignState.CANCELLED)


def create_second_round(
    db: Database,
    found: CampaignSummary,
    name: str,
    settings: CampaignSettings,
    *,
    codes: Collection[str] = (),
    agreed_only: bool = False,
    expires: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[CampaignPlan, LoadResult, Rejects]:
    """Load a campaign with the same messages for the recipients of `found` whose message failed.

    With `codes`, only for those that failed with one of them. Who has opted out since is rejected, and with
    `agreed_only` who never agreed. It is `ready`, and nothing is sent before its start. A campaign has one second
    round that is not cancelled, and who had another message since is rejected: no recipient gets two more messages.

    Raises Conflict for a campaign that is not over and for another second round, and as `load` does.
    """
    if found.state not in _OVER:
        raise Conflict(f"campaign {found.name} is not over: its failed messages are not known yet")
    plan = _second_plan(found, name, settings.seconds, expires)
    asked = filter_by_consent(
        db,
        plan.lane,
        plan.category,
        _failed(db, found.id, codes),
        agreed_only=agreed_only,
        erasure_key=settings.erasure_key,
    )
    rejects = Rejects()
    return plan, load(db, plan, rejects.record(build_messages(asked, partial(_again, plan))), actor=actor), rejects


def _second_plan(found: CampaignSummary, name: str, seconds: float, expires: datetime | None) -> CampaignPlan:
    return CampaignPlan(
        name=name,
        lane=found.lane,
        kind=found.kind,
        template=found.template,
        category=cast("TemplateCategory", found.category),
        source=f"failed of {found.name}",
        error_share=found.error_share,
        seconds=seconds,
        expires=expires,
        parent=found.id,
    )


def _again(plan: CampaignPlan, recipient: Recipient) -> CampaignMessage:
    """Return a message with the content of the one that failed."""
    with as_handed_over():
        former = Envelope.from_wire(json.loads(recipient.values[_BODY]))
    envelope = Envelope(
        to=normalize_stored(recipient.to),
        messages=former.messages,
        lane=plan.lane,
        producer=plan.id,
        category=plan.category,
        customer_name=former.customer_name,
    )
    return CampaignMessage(recipient.row, envelope)


def _failed(db: Database, identity: str, codes: Collection[str]) -> Iterator[Recipient | Reject]:
    """Yield the failed recipients by pages, each read by itself.

    One whose data was erased is a Reject `erased`, and one who had another message since is a Reject `sent-again`.
    """
    mine = (message.c.campaign_id == identity, in_state(State.FAILED))
    columns = (message.c.id, message.c.position, message.c.recipient, message.c.body)
    query = select(*columns, _IS_SENT_AGAIN.label("sent_again")).where(*mine)
    if codes:
        query = query.where(message.c.code.in_(sorted(codes)))
    reached, after = _reached_by_rounds(db, identity), ""
    while True:
        page = query.where(message.c.id > after).order_by(message.c.id).limit(_PAGE_ROWS)
        with db.read() as tx:
            rows = tx.execute(page).all()
        for row in rows:
            if row.recipient is None or row.body is None:
                yield Reject(row.position, TO, "its number or text is erased", ERASED)
            elif row.sent_again or row.recipient in reached:
                yield Reject(row.position, TO, "had another message since this one failed", SENT_AGAIN)
            else:
                yield Recipient(row.position, row.recipient, {_BODY: row.body})
        if len(rows) < _PAGE_ROWS:
            return
        after = rows[-1].id


_other = message.alias("other")
_IS_SENT_AGAIN = exists().where(
    _other.c.lane == message.c.lane,
    _other.c.reference == literal(PREFIX).concat(message.c.id),
    or_(_other.c.posted_at.is_not(None), _other.c.state != State.CANCELLED.value),
)
"""A message that an operator has sent again. One that was cancelled before its POST does not count."""


def _reached_by_rounds(db: Database, identity: str) -> set[str]:
    """Return the recipients who have a message of a cancelled round, or may have."""
    rounds = select(campaign.c.id).where(campaign.c.parent_id == identity)
    with db.read() as tx:
        ids = tx.execute(rounds).scalars().all()
        posted = (message.c.campaign_id.in_(ids), message.c.posted_at.is_not(None), message.c.recipient.is_not(None))
        return set(tx.execute(select(message.c.recipient).where(*posted)).scalars()) if ids else set()
