"""Requests and responses about messages."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harkara.gateway.schemas.fields import UtcTime, Word
from harkara.message_status import MessageSummary
from harkara.states import State


class SendMessage(BaseModel):
    """Chat Mitra docs, Request Body Parameters. Exactly one of `message` and `messages` is required."""

    model_config = ConfigDict(extra="forbid")

    recipient_mobile_number: str = Field(description="With the country code, which a number of India may omit")
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
    """The message is in the ledger (Chat Mitra docs, the comment in the Python sample)."""

    status: Literal["success"] = "success"
    message: Literal["Request queued"] = "Request queued"
    jobId: str


class MessageFilters(BaseModel):
    """Filters of a list of messages, newest first."""

    model_config = ConfigDict(extra="forbid")

    state: list[State] = Field(default_factory=list, description="In one of these states")
    lane: Word | None = None
    reference: Word | None = Field(default=None, description="The Idempotency-Key")
    code: Word | None = Field(default=None, description="The code of the reason, such as 131049 or expired")
    producer: Word | None = Field(default=None, description="The caller's name, or a campaign's id")
    template: Word | None = None
    flagged: bool = Field(default=False, description="Only messages that were perhaps sent twice")
    since: UtcTime | None = Field(default=None, description="Accepted at this time or later; ISO 8601 with a zone")
    until: UtcTime | None = Field(default=None, description="Accepted before this time; ISO 8601 with a zone")
    before: Word | None = Field(default=None, description="The field `before` of the previous page")
    limit: int = Field(default=50, ge=1, le=200)


class MessagePage(BaseModel):
    messages: list[MessageSummary]
    before: str | None = Field(description="The filter `before` for the next page; null on the last page")


class CancelResult(BaseModel):
    id: str
    cancelled: bool = Field(description="False if the message was sent, or cancelled before")
    state: State
