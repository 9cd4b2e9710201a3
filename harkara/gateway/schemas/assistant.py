"""Requests and responses about the assistant."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from harkara.assistant.report import AssistantReport
from harkara.assistant.rules import RolloutMode
from harkara.assistant.voice import ConversationMode
from harkara.conversation import ProposedAnswer, WaitingDraft
from harkara.gateway.schemas.fields import UtcTime
from harkara.json_record import TimestampSeconds
from harkara.messages.model import StrictModel


class ConversationModeSet(BaseModel):
    mode: ConversationMode


class TurnPage(BaseModel):
    """Which turns of a conversation to list."""

    model_config = ConfigDict(extra="forbid")

    before: UtcTime | None = Field(default=None, description="Only turns before this moment")
    limit: int = Field(default=50, ge=1, le=200)


class TurnList(BaseModel):
    turns: list[ProposedAnswer]


class DraftTexts(StrictModel):
    texts: list[str] | None = Field(
        default=None, description="One to three messages instead of the draft's own; by default those of the draft"
    )


class DraftDecided(BaseModel):
    decided: bool


class DraftPage(BaseModel):
    """How many drafts to list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=200)


class DraftList(BaseModel):
    drafts: list[WaitingDraft]


class AssistantPeriod(BaseModel):
    """Which days to report."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(default=7, ge=1, le=30, description="The last days, each of 24 hours")


class AssistantRollout(BaseModel):
    """What config/assistant.toml lets the assistant do."""

    lanes: list[str] = Field(description="Lanes of the token in which it answers; none while it is off")
    mode: RolloutMode
    share: float = Field(description="The share of the customers, from 0 to 1")
    only: int = Field(description="How many numbers alone it answers; 0 for no such limit")
    give_back_seconds: int = Field(description="How long a conversation is a person's after their last message")
    model: str | None = Field(description="The name of the language model; null without one")


class AssistantStatus(BaseModel):
    rollout: AssistantRollout
    report: AssistantReport


class GapPeriod(BaseModel):
    """Which questions to list."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(default=30, ge=1, le=365, description="The last days, each of 24 hours")
    turns: int = Field(default=200, ge=1, le=1000, description="Turns without an answer to read, the newest ones")
    limit: int = Field(default=20, ge=1, le=200)


class QuestionGap(BaseModel):
    """A question without personal data."""

    question: str
    times: int
    last_at: TimestampSeconds
    entry: str = Field(description="The entry for config/faq.toml, with an empty answer")


class GapList(BaseModel):
    gaps: list[QuestionGap]
    erased: int = Field(description="Questions whose words are erased")
