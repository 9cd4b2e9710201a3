"""Requests and responses about campaigns."""

from __future__ import annotations

from pydantic import BaseModel, Field

from harkara.gateway.schemas.fields import UtcTime
from harkara.messages.model import StrictModel
from harkara.occasions.occasion import Reason
from harkara.states import CampaignState


class CampaignOut(BaseModel):
    id: str
    name: str
    lane: str
    kind: str
    template: str
    category: str
    source: str
    audience: int
    rejected: int
    error_share: float
    state: CampaignState
    code: str | None
    reason: str | None
    created_at: str
    changed_at: str
    start_at: str | None
    started_at: str | None
    finished_at: str | None
    resumed_at: str | None


class CampaignProgress(CampaignOut):
    """A campaign with the number of its messages in each state."""

    by_state: dict[str, int]
    by_code: dict[str, int] = Field(description="The failed, cancelled and uncertain messages by code")


class CampaignList(BaseModel):
    campaigns: list[CampaignOut]


class StartCampaign(StrictModel):
    at: UtcTime | None = Field(default=None, description="Start at this time instead of now; ISO 8601 with a zone")


class PauseCampaign(StrictModel):
    reason: Reason | None = Field(default=None, description="Why the campaign pauses, for its later readers")
