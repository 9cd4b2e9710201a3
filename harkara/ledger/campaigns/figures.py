"""The figures of a campaign besides its states: responses, the effect, and what it has cost and may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import cast

from sqlalchemy import select

from harkara.campaigns.counts import CampaignCounts
from harkara.campaigns.effect import CampaignEffect
from harkara.campaigns.forecast import cost_of_all
from harkara.campaigns.status import CampaignSummary
from harkara.ledger.campaigns.counts import count_campaign
from harkara.ledger.campaigns.create import CampaignSettings
from harkara.ledger.campaigns.results import campaign_costs
from harkara.ledger.database import Database
from harkara.ledger.tables import campaign
from harkara.messages.template import TemplateCategory


@dataclass(frozen=True, slots=True)
class CampaignFigures:
    """How many recipients wrote and opted out since their message was sent, and the costs.

    `spent` is micros by currency. `cost` is an amount of `currency`: what it costs if all messages arrive that are not
    cancelled, outside open windows. It leaves out `unpriced` messages, whose country is unknown: an earlier release
    erased their number without it. `effect` is None for a campaign that holds no recipient out or was not started.
    """

    answered: int
    opted_out: int
    spent: Mapping[str, int]
    cost: Decimal
    unpriced: int
    currency: str
    effect: CampaignEffect | None


def get_figures(
    db: Database, found: CampaignSummary, settings: CampaignSettings, counts: CampaignCounts | None = None
) -> CampaignFigures:
    """Return the figures of a campaign, at the prices of the day on which it started.

    Without `counts`, all its messages are counted now. Raises Unavailable.
    """
    with db.read(snapshot=True) as tx:
        if counts is None:
            counts = count_campaign(tx, tx.rows(select(campaign).where(campaign.c.id == found.id))[0])
        spent = campaign_costs(tx, found.id)
        now = tx.now
    lane, prices = settings.lanes.get(found.lane), settings.prices
    day = (found.started_at or now).astimezone(lane.zone if lane else UTC).date()
    cost, unpriced = cost_of_all(counts.countries, cast("TemplateCategory", found.category), day, prices)
    return CampaignFigures(
        answered=counts.answered,
        opted_out=counts.opted_out,
        spent=spent,
        cost=cost,
        unpriced=unpriced,
        currency=prices.currency,
        effect=counts.effect,
    )
