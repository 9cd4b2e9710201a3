"""The status of a campaign and of its recipients, as the HTTP API and the command show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from pydantic import Field

from harkara.json_record import JsonRecordSeconds, TimestampSeconds
from harkara.states import CampaignState


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CampaignSummary(JsonRecordSeconds):
    """A campaign without its messages. All times are in UTC."""

    id: str
    name: str
    lane: str
    kind: str
    template: str
    category: str
    source: str
    """The name of the audience's file."""
    audience: int
    """The number of its messages."""
    rejected: int
    """The number of rows of the file that got no message."""
    error_share: float
    """The share of its latest messages that may fail before it pauses itself, from 0 to 1."""
    state: CampaignState
    code: str | None
    reason: str | None
    created_at: TimestampSeconds
    changed_at: TimestampSeconds
    start_at: TimestampSeconds | None
    started_at: TimestampSeconds | None
    finished_at: TimestampSeconds | None
    resumed_at: TimestampSeconds | None
    stage: int = 1
    """The present stage, from 1."""
    stages: int = 1
    steps: list[str] = field(default_factory=list)
    """What the campaign does by itself, a sentence for each step."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CampaignProgress(CampaignSummary):
    """A campaign with the number of its messages in each state."""

    by_state: dict[str, int]
    by_code: Annotated[dict[str, int], Field(description="The failed, cancelled and uncertain messages by code")]


class RecipientReport(NamedTuple):
    """The message of one recipient. `recipient` and `name` are None unless asked for, and after an erasure."""

    row: int
    recipient: str | None
    name: str | None
    """The `customer_name`, or the parameter of the template that addresses the recipient."""
    state: str
    code: str | None
    reason: str | None
    answered_at: str | None
    """When the recipient wrote last, if that was after the message was sent."""
    opted_out_at: str | None
    """When the recipient opted out, if that was after the message was sent."""
    job_id: str | None
    id: str


REPORTED = ("row", "state", "code", "reason", "answered_at", "opted_out_at", "job_id", "id")
"""The fields of a RecipientReport that say nothing about who the recipient is."""
