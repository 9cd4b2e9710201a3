"""Requests and responses about conversations."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harkara.conversation import Conversation
from harkara.errors import Invalid
from harkara.gateway.schemas.fields import UtcTime, Word
from harkara.inbound.contact import ConsentCategory
from harkara.messages.model import StrictModel


class ConversationFilters(BaseModel):
    """Which conversations to list."""

    model_config = ConfigDict(extra="forbid")

    unread: bool = Field(default=False, description="Only with an unread message")
    before: Word | None = Field(default=None, description="The field `before` of the previous page")
    limit: int = Field(default=50, ge=1, le=200)


class ConversationList(BaseModel):
    conversations: list[Conversation]
    before: str | None = Field(description="The filter `before` for the next page; null on the last page")


class ChatPage(BaseModel):
    """Which part of a chat to get."""

    model_config = ConfigDict(extra="forbid")

    before: UtcTime | None = Field(default=None, description="The field `before` of the page with what came later")
    limit: int = Field(default=50, ge=1, le=200)


class Reply(StrictModel):
    """A reply: `text`, or a `kind` of the catalogue with its parameters."""

    text: str | None = Field(default=None, description="1 to 4,096 characters")
    kind: Word | None = Field(default=None, description="A kind of template, such as visit_feedback")
    parameters: dict[str, str] = Field(default_factory=dict, description="Fill the kind's template")

    @model_validator(mode="after")
    def _one(self) -> Reply:
        if (self.text is None) == (self.kind is None):
            raise Invalid("text", "give either text or kind")
        return self


class ReadUntil(StrictModel):
    revision: int | None = Field(
        default=None, ge=0, lt=2**63, description="The revision that was seen: nothing is done if there is a later one"
    )


class ReadResult(BaseModel):
    read: bool = Field(description="Whether something was unread")


class OptOutRequest(StrictModel):
    category: ConsentCategory = Field(default="everything", description="The messages that the person refuses")
    proof: str = Field(description="Who said so, when and how")


class OptOutResult(BaseModel):
    cancelled: int = Field(description="Messages that waited for the person")
