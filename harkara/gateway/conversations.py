"""Routes for conversations: list, get, reply, mark as read, opt out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query

from harkara.chatmitra.webhooks import parse
from harkara.conversation import Chat
from harkara.errors import Conflict, Invalid, NotFound
from harkara.gateway.authentication import CurrentCaller, Lanes
from harkara.gateway.body import Body, body_schema, read_json
from harkara.gateway.callers import Caller
from harkara.gateway.dependencies import Dependencies, Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.header_text import DecodedHeader, HeaderText
from harkara.gateway.schemas.conversations import (
    ChatPage,
    ConversationFilters,
    ConversationList,
    OptOutRequest,
    OptOutResult,
    ReadResult,
    ReadUntil,
    Reply,
)
from harkara.gateway.schemas.fields import Word
from harkara.gateway.schemas.messages import Queued
from harkara.ledger.conversations import commands
from harkara.ledger.conversations.chat import get_chat
from harkara.ledger.conversations.people import Participant, find_participant
from harkara.ledger.conversations.queries import cursor_of, list_conversations
from harkara.ledger.users.acts import Actor
from harkara.messages import Text

router = APIRouter(tags=["Conversations"], prefix="/conversations")

Contact = Annotated[Word, Path(description="The id of the person, as the list and callbacks have it")]
Search = Annotated[
    HeaderText | None,
    Header(
        alias="Harkara-Search",
        description="A whole number, or a part of a name; a header, because proxies write addresses to logs",
    ),
]
Key = Annotated[
    Word | None,
    DecodedHeader,
    Header(alias="Idempotency-Key", description="Your own id of the reply: a repeat sends nothing twice"),
]


@router.get("", responses=error_responses(400, 401, 403, 429, 503))
def list_page(
    deps: Deps, lanes: Lanes, filters: Annotated[ConversationFilters, Query()], search: Search = None
) -> ConversationList:
    """List the conversations of the token's lanes, the newest first, with the last message of each."""
    try:
        found = list_conversations(
            deps.db,
            lanes,
            parse,
            unread=filters.unread,
            search=search or "",
            before=filters.before,
            limit=filters.limit,
        )
    except Invalid as error:
        raise Invalid("Harkara-Search" if error.field == "to" else error.field, error.rule, error.measure) from None
    before = cursor_of(found[-1]) if len(found) == filters.limit else None
    return ConversationList(conversations=found, before=before)


@router.get("/{contact}", responses=error_responses(400, 401, 403, 404, 429, 503))
def get_conversation(deps: Deps, lanes: Lanes, contact: Contact, page: Annotated[ChatPage, Query()]) -> Chat:
    """Get what was said in both directions, the newest first to be read. It has numbers and texts, but no codes."""
    return get_chat(deps.db, person_of(deps, lanes, contact), parse, before=page.before, limit=page.limit)


@router.post(
    "/{contact}/reply",
    status_code=202,
    responses=error_responses(400, 401, 403, 404, 409, 413, 429, 503),
    openapi_extra=body_schema(Reply),
)
def reply(deps: Deps, caller: CurrentCaller, lanes: Lanes, contact: Contact, body: Body, key: Key = None) -> Queued:
    """Send a text or a kind of template. A text is refused outside the 24-hour window."""
    given, person = Reply.read(read_json(body)), person_of(deps, lanes, contact)
    message = (
        Text(given.text)
        if given.text is not None
        else deps.plan.catalogue.message(
            given.kind or "", given.parameters, opted_in=person.state.agreed_at is not None
        )
    )
    try:
        receipt = commands.reply(
            deps.db,
            deps.backend.enqueue,
            person,
            message,
            producer=caller.name,
            hold=deps.assistant().give_back,
            reference=key,
            by=actor_of(caller),
        )
    except Conflict as error:
        if "reference" not in str(error):
            raise
        raise Conflict("Idempotency-Key: another message in this lane has this key; use a new one") from None
    return Queued(jobId=receipt.id)


@router.post(
    "/{contact}/read",
    responses=error_responses(400, 401, 403, 404, 413, 429, 503),
    openapi_extra=body_schema(ReadUntil, required=False),
)
def mark_read(deps: Deps, caller: CurrentCaller, lanes: Lanes, contact: Contact, body: Body) -> ReadResult:
    """Mark the messages of a conversation as read."""
    until = ReadUntil.read(read_json(body, required=False))
    return ReadResult(
        read=commands.mark_read(deps.db, person_of(deps, lanes, contact), until.revision, actor_of(caller))
    )


@router.post(
    "/{contact}/opt-out",
    responses=error_responses(400, 401, 403, 404, 413, 429, 503),
    openapi_extra=body_schema(OptOutRequest),
)
def opt_out(deps: Deps, caller: CurrentCaller, lanes: Lanes, contact: Contact, body: Body) -> OptOutResult:
    """Record that the person wants no more messages, with the proof. What waits for them is cancelled."""
    given = OptOutRequest.read(read_json(body))
    person = person_of(deps, lanes, contact)
    cancelled = commands.opt_out(deps.db, person, given.category, given.proof, how="application", by=actor_of(caller))
    return OptOutResult(cancelled=len(cancelled))


def actor_of(caller: Caller) -> Actor:
    """Return the caller as the log of acts names it."""
    return Actor(caller.name, "api")


def person_of(deps: Dependencies, lanes: tuple[str, ...], contact: str) -> Participant:
    """Return the person of a path, who is in one of these lanes. Raises NotFound."""
    if not contact.startswith("person_"):  # a number would be in the logs of proxies
        raise NotFound("the token's lanes have no conversation with this id")
    return find_participant(deps.db, contact, lanes)
