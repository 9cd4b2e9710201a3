"""Creates a campaign from the CSV file of its audience, or only reads the file as if it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from harkara.campaigns.audience import Reject, read_recipients
from harkara.campaigns.columns import Column, Source, complete_mapping
from harkara.campaigns.messages import CUSTOMER_NAME, CampaignMessage, MessageBuilder, build_messages
from harkara.campaigns.rejects import Rejects
from harkara.campaigns.steps import SEGMENT, CampaignSteps
from harkara.catalogue import Catalogue
from harkara.errors import Invalid
from harkara.lanes import Lane
from harkara.ledger.campaigns.consent_filter import filter_by_consent
from harkara.ledger.campaigns.load import CampaignPlan, LoadResult, load
from harkara.ledger.database import Database
from harkara.ledger.users.acts import Actor
from harkara.money.amounts import parse_amount
from harkara.money.prices import Prices


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    """What a deployment says about campaigns: its templates, its lanes and prices, and the defaults of a plan.

    `error_share` and `seconds` are those of a CampaignPlan. `erasure_key` is that of the pseudonyms, if it is set.
    """

    catalogue: Catalogue
    lanes: Mapping[str, Lane]
    prices: Prices
    error_share: float
    seconds: float
    erasure_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRequest:
    """A campaign as someone asks for it: a kind of template, and how the columns of a file map to its parameters.

    `source` is the name of the file. `opted_in` states that all recipients agreed to marketing; `agreed_only` skips
    those whose agreement is not recorded. `stop_loss` is an amount in the currency of the prices, such as `5000`.
    Without `error_share` and `expires`, the settings decide.
    """

    name: str
    lane: str
    kind: str
    source: str
    mapping: Mapping[str, Source] = field(default_factory=dict)
    language: str | None = None
    opted_in: bool = False
    agreed_only: bool = False
    expires: datetime | None = None
    error_share: float | None = None
    steps: CampaignSteps = field(default_factory=CampaignSteps)
    stop_loss: str | None = None
    answer_days: int = 7


def make_plan(request: CampaignRequest, settings: CampaignSettings) -> CampaignPlan:
    """Return the plan of the campaign.

    Raises Invalid for an unknown kind or parameter, for one-time codes, and for marketing without an agreement.
    """
    kind = settings.catalogue.find(request.kind)
    _check_consent(kind.category, agreed=request.opted_in or request.agreed_only)
    complete_mapping(request.mapping, (*kind.parameters, CUSTOMER_NAME))
    return CampaignPlan(
        name=request.name,
        lane=request.lane,
        kind=request.kind,
        template=kind.name,
        category=kind.category,
        source=request.source,
        error_share=settings.error_share if request.error_share is None else request.error_share,
        seconds=settings.seconds,
        expires=request.expires,
        steps=request.steps,
        stop_loss=parse_stop_loss(request.stop_loss, settings.prices) if request.stop_loss else None,
        currency=settings.prices.currency if request.stop_loss else None,
        answer_days=request.answer_days,
    )


def parse_stop_loss(text: str, prices: Prices) -> int:
    """Return the micros of a stop-loss such as `5000`. Raises Invalid."""
    try:
        return parse_amount(text, prices.currency, expected=prices.currency)
    except Invalid as error:
        raise Invalid("stop_loss", error.rule) from None


def read_audience(
    db: Database, request: CampaignRequest, plan: CampaignPlan, settings: CampaignSettings, file: Path
) -> Iterator[CampaignMessage | Reject]:
    """Yield the message of each row, or why it gets none. Nothing is written.

    Raises Invalid for the file or a column, before the first result, and Unavailable.
    """
    known, steps = settings.catalogue, plan.steps
    builder = MessageBuilder(known.filler(plan.kind, language=request.language), steps, plan.name, plan.id, plan.lane)
    columns = complete_mapping(request.mapping, (*known.find(plan.kind).parameters, CUSTOMER_NAME))
    if steps.wave_column is not None:
        columns[SEGMENT] = Column(steps.wave_column)
    agreed = filter_by_consent(
        db,
        plan.lane,
        plan.category,
        read_recipients(file, columns, optional=[CUSTOMER_NAME, SEGMENT]),
        agreed_only=request.agreed_only,
        erasure_key=settings.erasure_key,
    )
    return build_messages(agreed, builder)


def create_campaign(
    db: Database, request: CampaignRequest, settings: CampaignSettings, file: Path, *, actor: Actor | None = None
) -> tuple[CampaignPlan, LoadResult, Rejects]:
    """Load the campaign, which is an act of `actor`; it is `ready`, and nothing is sent before its start.

    Raises what `make_plan`, `read_audience` and `load` raise.
    """
    plan, rejects = make_plan(request, settings), Rejects()
    rows = read_audience(db, request, plan, settings, file)
    return plan, load(db, plan, rejects.record(rows), actor=actor), rejects


def _check_consent(category: str, *, agreed: bool) -> None:
    if category == "authentication":
        raise Invalid("template", "is an authentication template; a campaign cannot send one-time codes")
    if category == "marketing" and not agreed:
        rule = (
            "is marketing: say that all agreed (--opted-in, opted_in), or skip those without a recorded agreement"
            " (--agreed-only, agreed_only)"
        )
        raise Invalid("template", rule)
