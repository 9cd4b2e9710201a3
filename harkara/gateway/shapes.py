"""What goes in and comes out of the web door, as its own description tells it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from harkara.messages.fields import Time
from harkara.messages.model import StrictModel
from harkara.occasions.occasion import Reason
from harkara.states import CampaignState, State
from harkara.status import MessageSummary, ReminderSummary

Word = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
JobId = Annotated[Word, Path(alias="jobId", description="The jobId, or the Idempotency-Key")]
Moment = Annotated[Time, WithJsonSchema({"type": "string", "format": "date-time"})]


def takes(model: type[BaseModel], *, needed: bool = True) -> dict[str, Any]:
    """What the API's description says of a body that the route reads by itself."""
    return {"requestBody": {"required": needed, "content": {"application/json": {"schema": model.model_json_schema()}}}}


class SendMessage(BaseModel):
    """Chat Mitra docs, Request Body Parameters; exactly one of `message` and `messages`."""

    model_config = ConfigDict(extra="forbid")

    recipient_mobile_number: str = Field(description="With the country code; a number of India may lack it")
    message: str | None = Field(default=None, description="A text of 1 to 4,096 characters")
    messages: list[dict[str, Any]] | None = Field(
        default=None,
        min_length=1,
        max_length=10,
        description='`{"kind": "raw", "payload": …}` or `{"kind": "template", "template": …}`',
    )
    customer_name: str | None = Field(default=None, description="Fills $name in a template")
    altTexts: dict[str, str] | None = Field(default=None, description="Fill other $placeholders in a template")


class Queued(BaseModel):
    """Chat Mitra docs, the comment in the Python sample."""

    status: Literal["success"] = "success"
    message: Literal["Request queued"] = "Request queued"
    jobId: str


class Filters(BaseModel):
    """Which messages, newest first."""

    model_config = ConfigDict(extra="forbid")

    state: list[State] = Field(default_factory=list, description="In one of these states")
    lane: Word | None = None
    reference: Word | None = Field(default=None, description="The Idempotency-Key")
    code: Word | None = Field(default=None, description="Why, such as 131049 or expired")
    producer: Word | None = Field(default=None, description="The caller's name, or a campaign's id")
    template: Word | None = None
    flagged: bool = Field(default=False, description="Perhaps sent twice")
    since: Moment | None = Field(default=None, description="Handed over since; ISO 8601 with a zone")
    until: Moment | None = Field(default=None, description="Handed over before")
    before: Word | None = Field(default=None, description="Go on after a page: its `before`")
    limit: int = Field(default=50, ge=1, le=200)


class Page(BaseModel):
    messages: list[MessageSummary]
    before: str | None = Field(description="For the next page; null on the last one")


class Cancelled(BaseModel):
    id: str
    cancelled: bool = Field(description="False when it had left, or was cancelled before")
    state: State


class SaveOccasion(BaseModel):
    model_config = ConfigDict(extra="forbid")

    to: str = Field(description="The customer's number")
    at: str = Field(description="When it happens: ISO 8601, by the zone's clock unless it names an offset")
    zone: str | None = Field(default=None, description="Whose clock and calendar count; else the lane's")
    parameters: dict[str, str] = Field(default_factory=dict, description="For the templates of the kind's reminders")
    language: str | None = None
    version: int | None = Field(default=None, ge=0, description="One that is older than what is known changes nothing")


class CloseOccasion(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(default=None, max_length=200)
    version: int | None = Field(default=None, ge=0)


class Changed(BaseModel):
    kind: str
    reference: str
    change: Literal["created", "changed", "unchanged", "outdated"]


class SkippedRule(BaseModel):
    rule: str
    code: str
    reason: str


class Occasion(BaseModel):
    """An occasion without its number and its parameters, and the reminders that it has."""

    id: str
    kind: str
    reference: str
    lane: str
    producer: str
    zone: str
    version: int | None
    revision: int
    status: Literal["open", "cancelled", "completed"]
    reason: str | None
    at: str
    reminders: list[ReminderSummary]
    skipped: list[SkippedRule]


class Campaign(BaseModel):
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


class Progress(Campaign):
    by_state: dict[str, int]
    by_code: dict[str, int] = Field(description="Of those that went wrong")


class Campaigns(BaseModel):
    campaigns: list[Campaign]


class StartCampaign(StrictModel):
    at: Moment | None = Field(default=None, description="Not now, but by itself at this time; ISO 8601 with a zone")


class PauseCampaign(StrictModel):
    reason: Reason | None = Field(default=None, description="Why, for whoever asks later")


class NotGenuine(BaseModel):
    """Chat Mitra docs, the webhook sample."""

    error: Literal["Invalid signature"] = "Invalid signature"


class Kept(BaseModel):
    status: Literal["success"] = "success"


class Alive(BaseModel):
    alive: Literal[True] = True


class Ready(BaseModel):
    """Each service with its state in words."""

    ready: bool
    redis: str
    database: str
    heartbeat: str
