"""Routes for the assistant: who answers a conversation, drafts, turns, figures, and questions without an answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from harkara.assistant.knowledge.faq_import import dump_question
from harkara.assistant.knowledge.gaps import group_gaps
from harkara.chatmitra.webhooks import parse
from harkara.gateway.authentication import CurrentCaller, Lanes
from harkara.gateway.body import Body, body_schema, read_json
from harkara.gateway.conversations import Contact, actor_of, person_of
from harkara.gateway.dependencies import Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.schemas.assistant import (
    AssistantPeriod,
    AssistantRollout,
    AssistantStatus,
    ConversationModeSet,
    DraftDecided,
    DraftList,
    DraftPage,
    DraftTexts,
    GapList,
    GapPeriod,
    QuestionGap,
    TurnList,
    TurnPage,
)
from harkara.gateway.schemas.fields import Word
from harkara.ledger.conversations import modes
from harkara.ledger.conversations.drafts import discard_draft
from harkara.ledger.conversations.gaps import list_unanswered
from harkara.ledger.conversations.proposals import list_drafts, list_proposals
from harkara.ledger.conversations.report import get_report

router = APIRouter(tags=["Assistant"])

Draft = Annotated[Word, Path(description="The id of the draft, as the conversation and the list have it")]

_CHANGE = error_responses(400, 401, 403, 404, 413, 429, 503)
_DECIDE = error_responses(400, 401, 403, 404, 409, 413, 429, 503)


@router.post("/conversations/{contact}/assign", responses=_CHANGE)
def assign(deps: Deps, caller: CurrentCaller, lanes: Lanes, contact: Contact) -> ConversationModeSet:
    """Let a person answer, for the time of `give-back` in config/assistant.toml: the assistant is silent."""
    hold = deps.assistant().give_back
    modes.assign_to_person(deps.db, person_of(deps, lanes, contact), by=actor_of(caller), hold=hold)
    return ConversationModeSet(mode="person")


@router.post("/conversations/{contact}/give-back", responses=_CHANGE)
def give_back(deps: Deps, caller: CurrentCaller, lanes: Lanes, contact: Contact) -> ConversationModeSet:
    """Let the assistant answer again what the customer writes next."""
    modes.give_back(deps.db, person_of(deps, lanes, contact), by=actor_of(caller))
    return ConversationModeSet(mode="assistant")


@router.post("/conversations/{contact}/off", responses=_CHANGE)
def switch_off(deps: Deps, caller: CurrentCaller, lanes: Lanes, contact: Contact) -> ConversationModeSet:
    """Let the assistant never answer this conversation, until it is given back."""
    modes.switch_off(deps.db, person_of(deps, lanes, contact), by=actor_of(caller))
    return ConversationModeSet(mode="off")


@router.get("/conversations/{contact}/turns", responses=error_responses(400, 401, 403, 404, 429, 503))
def list_turns(deps: Deps, lanes: Lanes, contact: Contact, page: Annotated[TurnPage, Query()]) -> TurnList:
    """List what the assistant proposed in a conversation, oldest first: sent, drafted, or only recorded."""
    person = person_of(deps, lanes, contact)
    return TurnList(turns=list_proposals(deps.db, person, before=page.before, limit=page.limit))


@router.post(
    "/conversations/{contact}/drafts/{draft}/send",
    responses=_DECIDE,
    openapi_extra=body_schema(DraftTexts, required=False),
)
def send(deps: Deps, caller: CurrentCaller, lanes: Lanes, contact: Contact, draft: Draft, body: Body) -> DraftDecided:
    """Send a draft, with your own texts if given. 409 if the conversation has moved on since: nothing is sent."""
    given, person = DraftTexts.read(read_json(body, required=False)), person_of(deps, lanes, contact)
    deps.backend.send_draft(draft, person, deps.assistant(), by=actor_of(caller), texts=given.texts)
    return DraftDecided(decided=True)


@router.post("/conversations/{contact}/drafts/{draft}/discard", responses=_DECIDE)
def discard(deps: Deps, caller: CurrentCaller, lanes: Lanes, contact: Contact, draft: Draft) -> DraftDecided:
    """Let a draft never be sent."""
    discard_draft(deps.db, draft, by=actor_of(caller), of=person_of(deps, lanes, contact))
    return DraftDecided(decided=True)


@router.get("/assistant", responses=error_responses(400, 401, 403, 429, 503))
def get_status(
    deps: Deps, _caller: CurrentCaller, lanes: Lanes, period: Annotated[AssistantPeriod, Query()]
) -> AssistantStatus:
    """Get what the assistant may do in the token's lanes, and its figures from the newest turns of some days."""
    rules = deps.assistant()
    rollout = AssistantRollout(
        lanes=[lane for lane in lanes if lane in rules.lanes],
        mode=rules.mode,
        share=rules.share,
        only=len(rules.only),
        give_back_seconds=int(rules.give_back.total_seconds()),
        model=rules.model.name or None,
    )
    return AssistantStatus(rollout=rollout, report=get_report(deps.db, lanes, days=period.days))


@router.get("/assistant/drafts", responses=error_responses(400, 401, 403, 429, 503))
def list_waiting(deps: Deps, _caller: CurrentCaller, lanes: Lanes, page: Annotated[DraftPage, Query()]) -> DraftList:
    """List the drafts that wait for a person, oldest first."""
    return DraftList(drafts=list_drafts(deps.db, lanes, limit=page.limit))


@router.get("/assistant/gaps", responses=error_responses(400, 401, 403, 429, 503))
def list_gaps(deps: Deps, _caller: CurrentCaller, lanes: Lanes, period: Annotated[GapPeriod, Query()]) -> GapList:
    """List what customers asked in vain, the most frequent first, without personal data and with # for numbers."""
    asked = list_unanswered(deps.db, lanes, parse, days=period.days, limit=period.turns)
    gaps = [
        QuestionGap(question=gap.question, times=gap.times, last_at=gap.last_at, entry=dump_question(gap.question))
        for gap in group_gaps(asked)[: period.limit]
    ]
    return GapList(gaps=gaps, erased=sum(not each.texts for each in asked))
