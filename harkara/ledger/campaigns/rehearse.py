"""Rehearses campaigns, loaded or not: how long they take, and what they cost. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import cast

from sqlalchemy import select

from harkara.campaigns.audience import Reject
from harkara.campaigns.forecast import Forecast, RehearsalInputs, forecast
from harkara.campaigns.messages import CampaignMessage
from harkara.campaigns.rejects import Rejects
from harkara.campaigns.stage_rehearsal import StagesLeft
from harkara.campaigns.status import CampaignSummary
from harkara.campaigns.steps import stage_of
from harkara.errors import Invalid
from harkara.inbound.window import LENGTH
from harkara.lanes import Lane
from harkara.ledger.campaigns.create import CampaignRequest, CampaignSettings, make_plan, read_audience
from harkara.ledger.campaigns.load import CampaignPlan
from harkara.ledger.campaigns.queries import PREFIX_DIGITS, get_rehearsal_inputs, others_of
from harkara.ledger.database import Database
from harkara.ledger.tables import contact
from harkara.messages.template import TemplateCategory

BATCH_SIZE = 500


def rehearse_file(
    db: Database, request: CampaignRequest, settings: CampaignSettings, file: Path, at: datetime
) -> tuple[Forecast, Rejects]:
    """Return the forecast of a campaign that is loaded from this file and starts `at` a time, and its rejected rows.

    Raises what `create_campaign` raises, and Invalid for a lane that is not configured.
    """
    plan, rejects = make_plan(request, settings), Rejects()
    lane = _lane(settings, plan.lane)
    rows = rejects.record(read_audience(db, request, plan, settings, file))
    inputs = _count(db, plan, rows, at)
    return forecast(inputs, plan.category, at, lane, settings.prices), rejects


def rehearse_campaign(
    db: Database, found: CampaignSummary, settings: CampaignSettings, at: datetime | None = None
) -> Forecast:
    """Return the forecast of a campaign that starts `at` a time, by default when it is scheduled, or else now.

    Raises Invalid for a lane that is not configured, and as `rehearse` does.
    """
    lane = _lane(settings, found.lane)
    begin = at or max(datetime.now(UTC), found.start_at or datetime.min.replace(tzinfo=UTC))
    inputs = get_rehearsal_inputs(db, found, begin)
    return forecast(inputs, cast("TemplateCategory", found.category), begin, lane, settings.prices)


def _lane(settings: CampaignSettings, name: str) -> Lane:
    if (lane := settings.lanes.get(name)) is None:
        raise Invalid("lane", f"{name} has no token here, so its allowance is unknown: add it to HARKARA_LANE_TOKENS")
    return lane


def _count(db: Database, plan: CampaignPlan, rows: Iterable[CampaignMessage | Reject], at: datetime) -> RehearsalInputs:
    by_prefix, in_window, left = Counter[str](), Counter[str](), StagesLeft(steps=plan.steps)
    numbers = _numbers(rows, left.messages)
    while batch := list(islice(numbers, BATCH_SIZE)):
        is_open = (contact.c.lane == plan.lane, contact.c.recipient.in_(batch), contact.c.wrote_at > at - LENGTH)
        with db.read() as tx:
            wrote = tx.execute(select(contact.c.recipient).where(*is_open)).scalars().all()
        by_prefix.update(number[:PREFIX_DIGITS] for number in batch)
        in_window.update(number[:PREFIX_DIGITS] for number in wrote)
    with db.read() as tx:
        others = others_of(tx, plan.lane)
        expires_at = plan.expires or tx.now + timedelta(seconds=plan.seconds)
    return RehearsalInputs(by_prefix.total(), 0, by_prefix, in_window, others, left, expires_at)


def _numbers(rows: Iterable[CampaignMessage | Reject], by_stage: Counter[int]) -> Iterator[str]:
    for row in rows:
        if isinstance(row, CampaignMessage) and not row.held_out:
            by_stage[stage_of(row.envelope.producer)] += 1
            yield row.envelope.to
