"""What this deployment says about campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.command.deployment import catalogue, configured

if TYPE_CHECKING:
    from harkara.ledger.campaigns.create import CampaignSettings


def campaign_settings() -> CampaignSettings:
    """Return the templates, lanes and prices of this deployment, and the defaults of its campaigns."""
    from config.campaigns import campaign_settings
    from config.settings import settings
    from harkara.money.prices import Prices

    return campaign_settings(settings(), catalogue(), configured(), Prices.load(settings().prices_file))
