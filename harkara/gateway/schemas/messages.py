"""Requests and responses about messages."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harkara.gateway.schemas.fields import UtcTime, Word
from harkara.message_groups import MessageGroup
from harkara.message_selection import Act
from harkara.message_status import MessageSummary
from harkara.messages.fields import Id
from harkara.messages.model import StrictModel
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


class MessageSelection(BaseModel):
    """What a message must be; a filter that is not given allows all."""

    model_config = ConfigDict(extra="forbid")

    state: list[State] = Field(default_factory=list, description="In one of these states")
    lane: Word | None = None
    id: Word | None = Field(default=None, description="The jobId, or Chat Mitra's own job id")
    reference: Word | None = Field(default=None, description="The Idempotency-Key")
    code: Word | None = Field(default=None, description="The code of the reason, such as 131049 or expired")
    producer: Word | None = Field(default=None, description="The caller's name, or a campaign's id")
    template: Word | None = None
    campaign: Word | None = Field(default=None, description="The campaign's name or id")
    occasion: Word | None = Field(
        default=None, description="Reminders of this occasion: its kind, a slash and its reference"
    )
    flagged: bool = Field(default=False, description="Only messages that were perhaps sent twice")
    since: UtcTime | None = Field(default=None, description="Accepted at this time or later; ISO 8601 with a zone")
    until: UtcTime | None = Field(default=None, description="Accepted before this time; ISO 8601 with a zone")


class MessageFilters(MessageSelection):
    """Filters of a list of messages, newest first."""

    before: Id | None = Field(default=None, description="The field `before` of the previous page")
    limit: int = Field(default=50, ge=1, le=200)
    count: bool = Field(default=False, description="Count the messages that match, up to 10,000")
    why: bool = Field(default=False, description="Group what waits, is uncertain or failed by reason")


class MessagePage(BaseModel):
    messages: list[MessageSummary]
    before: str | None = Field(
        description="The filter `before` for the next page; null on the last page. A page may be shorter than `limit`"
    )
    count: int | None = Field(default=None, description="The messages that match; 10,000 at most")
    count_is_exact: bool | None = Field(default=None, description="False if there may be more: 10,000 were read")
    groups: list[MessageGroup] | None = Field(default=None, description="Why messages do not go on, by reason")


class PreviewAct(StrictModel, MessageSelection):
    act: Act = Field(
        description="`cancel` what is not sent yet; `resend` what is uncertain, parked or failed, the latter as a new "
        "message; of what is uncertain or parked, `sent` says that it arrived, `drop` that it is not sent again"
    )
    to: Word | None = Field(default=None, description="To this number")


class PerformAct(PreviewAct):
    token: Word = Field(description="The token of the preview: the act is done on exactly that set")


class ActPreview(BaseModel):
    act: Act
    count: int = Field(description="Messages that fit the filters and for which the act is possible")
    lanes: dict[str, int] = Field(description="The same by lane")
    templates: dict[str, int] = Field(description="The templates among them by category: only they have a price")
    delay_seconds: float | None = Field(
        description="How much longer other messages can wait; null if an allowance is not known"
    )
    examples: list[MessageSummary] = Field(description="The newest ten")
    token: str = Field(description="Does the act on exactly this set, in POST /messages/act")


class ActResult(BaseModel):
    act: Act
    done: int
    left: int = Field(description="Left alone, since they changed meanwhile or cannot be sent again")
    total: int


class CancelResult(BaseModel):
    id: str
    cancelled: bool = Field(description="False if the message was sent, or cancelled before")
    state: State
