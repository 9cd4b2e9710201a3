"""Requests and responses about campaigns."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field

from harkara.campaigns.audience import Reject
from harkara.campaigns.columns import TO, Column, FixedText, Source
from harkara.campaigns.effect import CampaignEffect
from harkara.campaigns.forecast import Forecast
from harkara.campaigns.rejects import Rejects
from harkara.campaigns.status import CampaignProgress, CampaignSummary
from harkara.campaigns.steps import CampaignSteps
from harkara.errors import Invalid
from harkara.gateway.schemas.fields import UtcTime, Word
from harkara.json_record import TimestampSeconds
from harkara.ledger.campaigns.create import CampaignRequest
from harkara.ledger.campaigns.figures import CampaignFigures
from harkara.ledger.campaigns.uploads import Upload
from harkara.messages.model import StrictModel
from harkara.money.amounts import from_micros
from harkara.occasions.occasion import Reason

MOST_SHOWN = 100
"""Rejected rows in a response; `POST /campaigns/rejects` returns more of them."""


class CampaignList(BaseModel):
    campaigns: list[CampaignSummary]


class ResumeCampaign(StrictModel):
    stop_loss: str | None = Field(default=None, description="A new stop-loss, such as 5000")


class SecondRound(StrictModel):
    name: str = Field(description="The name of the new campaign")
    codes: list[Word] = Field(default_factory=list, description="Only messages that failed with one of these codes")
    agreed_only: bool = Field(default=False, description="Skip recipients whose agreement is not recorded")
    expires: UtcTime | None = Field(default=None, description="Messages that are not sent by then are cancelled")


class StartCampaign(StrictModel):
    at: UtcTime | None = Field(default=None, description="Start at this time instead of now; ISO 8601 with a zone")


class PauseCampaign(StrictModel):
    reason: Reason | None = Field(default=None, description="Why the campaign pauses, for its later readers")


class UploadedFile(BaseModel):
    upload: Upload
    columns: list[str] = Field(description="The names of the columns, by the file's header")


class NewCampaign(StrictModel):
    """A campaign and the file of its audience. A parameter that is not mapped is read from the column of its name."""

    name: str = Field(description="The name of the campaign, which no other has")
    template: str = Field(description="The kind of template")
    upload: Word | None = Field(default=None, description="The id of the upload; absent in a form with the file")
    map: dict[str, str] = Field(default_factory=dict, description="The column of a parameter; `to` is the number")
    fixed: dict[str, str] = Field(default_factory=dict, description="The same text of a parameter for every recipient")
    language: str | None = Field(default=None, description="The language of the template; default the kind's")
    opted_in: bool = Field(default=False, description="Whether all recipients agreed to marketing")
    agreed_only: bool = Field(default=False, description="Skip recipients whose agreement is not recorded")
    expires: UtcTime | None = Field(default=None, description="Messages that are not sent by then are cancelled")
    error_share: float | None = Field(
        default=None, description="Share of its latest messages that may fail before the campaign pauses"
    )
    canary: float | None = Field(default=None, description="The share that goes first and is judged")
    canary_hours: float = Field(default=1.0, description="Hours after the canary was sent until it is judged")
    canary_delivered: float = Field(default=0.8, description="The least share of the canary that must be delivered")
    canary_opted_out: float = Field(default=0.02, description="The largest share of the canary that may opt out")
    wave_column: str | None = Field(default=None, description="The column that says who is in the first wave")
    wave_value: str | None = Field(default=None, description="Its value for the first wave")
    wave_share: float | None = Field(default=None, description="The share in the first wave, instead of a column")
    wave_hours: float = Field(default=24.0, description="Hours from the begin of the first wave to the others")
    hold_out: float | None = Field(default=None, description="The share that gets nothing, to measure the effect")
    answer_days: int = Field(default=7, description="Days within which answers count for the effect")
    stop_loss: str | None = Field(default=None, description="The cost at which it pauses, such as 5000")

    def to_request(self, lane: str, source: str) -> CampaignRequest:
        """Return the request for a file with the name `source`. Raises Invalid."""
        return CampaignRequest(
            name=self.name,
            lane=lane,
            kind=self.template,
            source=source,
            mapping=self._mapping(),
            language=self.language,
            opted_in=self.opted_in,
            agreed_only=self.agreed_only,
            expires=self.expires,
            error_share=self.error_share,
            steps=CampaignSteps(**{name: getattr(self, name) for name in CampaignSteps.__slots__}),
            stop_loss=self.stop_loss,
            answer_days=self.answer_days,
        )

    def _mapping(self) -> dict[str, Source]:
        if twice := sorted(self.map.keys() & self.fixed.keys()):
            raise Invalid("fixed", f"the parameter {twice[0]} is in `map` too")
        if TO in self.fixed:
            raise Invalid("fixed", "the number must be read from a column")
        columns = {name: Column(column) for name, column in self.map.items()}
        return columns | {name: FixedText(text) for name, text in self.fixed.items()}


class RehearseCampaign(NewCampaign):
    at: UtcTime | None = Field(default=None, description="Assume a start at this time instead of now")


class RejectedRow(BaseModel):
    """A row of the file that gets no message. It repeats nothing of the row's content."""

    row: int
    column: str
    code: str
    rule: str

    @classmethod
    def of(cls, reject: Reject) -> Self:
        return cls(row=reject.row, column=reject.field, code=reject.code, rule=reject.rule)


class RejectedRows(BaseModel):
    rejected: int
    rejected_by_code: dict[str, int]
    first_rejects: list[RejectedRow] = Field(description=f"The first {MOST_SHOWN}")

    @classmethod
    def of(cls, rejects: Rejects) -> Self:
        first = [RejectedRow.of(each) for each in rejects.first[:MOST_SHOWN]]
        return cls(rejected=rejects.by_code.total(), rejected_by_code=dict(rejects.by_code), first_rejects=first)


class NextRound(BaseModel):
    campaign: CampaignProgress
    rows: RejectedRows


class CreatedCampaign(BaseModel):
    campaign: CampaignProgress
    upload: str = Field(description="The id of the upload that the campaign was loaded from")
    rows: RejectedRows


class CampaignForecast(BaseModel):
    """When a campaign ends and what it costs; nothing was sent."""

    messages: int
    starts_at: TimestampSeconds
    ends_at: TimestampSeconds
    seconds_of_sending: float
    paused_for_quiet: float
    between_stages: float = Field(description="Seconds of waits between the stages of the campaign")
    delays_others: int
    cost: str
    currency: str
    opted_out: int
    free: int
    expires_at: TimestampSeconds | None = Field(description="What is not sent by then is cancelled, but is counted")

    @classmethod
    def of(cls, found: Forecast) -> Self:
        result = found.rehearsal
        return cls(
            messages=result.messages,
            starts_at=result.starts_at,
            ends_at=result.ends_at,
            seconds_of_sending=round(result.seconds_of_sending, 1),
            paused_for_quiet=result.paused_for_quiet,
            between_stages=result.between_stages,
            delays_others=result.delays_others,
            cost=str(found.cost),
            currency=found.currency,
            opted_out=found.opted_out,
            free=found.free,
            expires_at=found.expires_at,
        )


class FiguresOfCampaign(BaseModel):
    """How recipients responded since their message was sent, and what the campaign costs."""

    answered: int
    opted_out: int
    spent: dict[str, str] = Field(description="What its delivered messages cost, by currency")
    cost_if_all_arrive: str
    unpriced: int = Field(description="Messages that this cost leaves out: the country of their number is unknown")
    currency: str
    effect: CampaignEffect | None = Field(description="Null if it holds no recipient out, or was not started")

    @classmethod
    def of(cls, found: CampaignFigures) -> Self:
        return cls(
            answered=found.answered,
            opted_out=found.opted_out,
            spent={currency: str(from_micros(micros)) for currency, micros in found.spent.items()},
            cost_if_all_arrive=str(found.cost),
            unpriced=found.unpriced,
            currency=found.currency,
            effect=found.effect,
        )


class RehearsedUpload(BaseModel):
    forecast: CampaignForecast
    rows: RejectedRows
