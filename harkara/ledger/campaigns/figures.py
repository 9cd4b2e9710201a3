"""The figures of a campaign besides its states: responses, the effect, and what it has cost and may cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import cast

from sqlalchemy import func, not_, select

from harkara.campaigns.effect import CampaignEffect
from harkara.campaigns.forecast import cost_of_all
from harkara.campaigns.status import CampaignSummary
from harkara.errors import NotFound
from harkara.ledger.campaigns.create import CampaignSettings
from harkara.ledger.campaigns.deleted_messages import deleted_of
from harkara.ledger.campaigns.effects import get_effect
from harkara.ledger.campaigns.queries import PREFIX_DIGITS
from harkara.ledger.campaigns.responses import count_responses
from harkara.ledger.campaigns.results import campaign_costs
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.tables import message
from harkara.messages.template import TemplateCategory
from harkara.states import State


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


def get_figures(db: Database, found: CampaignSummary, settings: CampaignSettings) -> CampaignFigures:
    """Return the figures of a campaign, at the prices of the day on which it started. Raises Unavailable."""
    prefix = func.coalesce(func.substr(message.c.recipient, 1, PREFIX_DIGITS), message.c.country, "")
    mine = (message.c.campaign_id == found.id, not_(in_state(State.CANCELLED)))
    with db.read(snapshot=True) as tx:
        numbers = Counter(
            {digits: n for digits, n in tx.execute(select(prefix, func.count()).where(*mine).group_by(prefix))}
        )
        results, deleted = deleted_of(tx, found.id)
        answered, opted_out = count_responses(tx, found.id)
        spent = campaign_costs(tx, found.id)
        now = tx.now
    numbers += deleted.countries
    not_cancelled = sum(each.number for each in results if each.state is not State.CANCELLED)
    numbers[""] += not_cancelled - deleted.countries.total()
    lane, prices = settings.lanes.get(found.lane), settings.prices
    day = (found.started_at or now).astimezone(lane.zone if lane else UTC).date()
    cost, unpriced = cost_of_all(numbers, cast("TemplateCategory", found.category), day, prices)
    return CampaignFigures(
        answered=answered + deleted.answered,
        opted_out=opted_out + deleted.opted_out,
        spent=spent,
        cost=cost,
        unpriced=unpriced,
        currency=prices.currency,
        effect=_effect(db, found.id),
    )


def _effect(db: Database, identity: str) -> CampaignEffect | None:
    try:
        return get_effect(db, identity)
    except NotFound:
        return None
