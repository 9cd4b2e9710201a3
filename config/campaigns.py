"""The settings of campaigns."""

from __future__ import annotations

from collections.abc import Mapping

from config.settings import Settings
from harkara.catalogue import Catalogue
from harkara.lanes import Lane
from harkara.ledger.campaigns.create import CampaignSettings
from harkara.money.prices import Prices


def campaign_settings(
    settings: Settings, catalogue: Catalogue, lanes: Mapping[str, Lane], prices: Prices
) -> CampaignSettings:
    """Return what the deployment says about campaigns."""
    key = settings.erasure_key
    return CampaignSettings(
        catalogue,
        lanes,
        prices,
        error_share=settings.error_share,
        seconds=settings.deadline_campaign.total_seconds(),
        erasure_key=key.get_secret_value() if key else None,
    )
