"""Requests and responses about campaigns."""

from __future__ import annotations

from pydantic import BaseModel, Field

from harkara.campaigns.status import CampaignSummary
from harkara.gateway.schemas.fields import UtcTime
from harkara.messages.model import StrictModel
from harkara.occasions.occasion import Reason


class CampaignList(BaseModel):
    campaigns: list[CampaignSummary]


class StartCampaign(StrictModel):
    at: UtcTime | None = Field(default=None, description="Start at this time instead of now; ISO 8601 with a zone")


class PauseCampaign(StrictModel):
    reason: Reason | None = Field(default=None, description="Why the campaign pauses, for its later readers")
