"""Reads campaigns: lists, progress, the report of each recipient, and the inputs of a rehearsal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, false, func, null, or_, select

from harkara.campaigns.forecast import RehearsalInputs
from harkara.campaigns.recipient_name import recipient_name
from harkara.campaigns.stage_rehearsal import StagesLeft
from harkara.campaigns.status import CampaignProgress, CampaignSummary, RecipientReport
from harkara.campaigns.steps import CampaignSteps, stage_of
from harkara.errors import NotFound
from harkara.inbound.window import LENGTH
from harkara.json_record import iso_seconds
from harkara.ledger.campaigns.deleted_messages import load_deleted
from harkara.ledger.campaigns.responses import OPTED_OUT, SAME_CONTACT, WROTE
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.tables import campaign, contact, message
from harkara.ledger.transaction import Row, Transaction
from harkara.messages.media import media_in
from harkara.money.amounts import show
from harkara.people.names import write_name
from harkara.states import CampaignState, State

_PAGE_ROWS = 1000
PREFIX_DIGITS = 7
"""The first digits of a number that its price can depend on."""

_MAX_OTHERS = 100_000

_SUMMARY = tuple(each.name for each in fields(CampaignSummary) if each.name != "steps")

STATES_WITH_CODE = (State.UNCERTAIN, State.FAILED, State.CANCELLED)


def list_campaigns(
    db: Database, *, lanes: Collection[str] | None = None, before: str | None = None, limit: int | None = None
) -> list[CampaignSummary]:
    """Return campaigns, newest first: those of `lanes`, older than the id `before`, at most `limit`; by default all."""
    query = select(campaign).order_by(campaign.c.id.desc()).limit(limit)
    if lanes is not None:
        query = query.where(campaign.c.lane.in_(lanes))
    if before is not None:
        query = query.where(campaign.c.id < before)
    with db.read() as tx:
        rows = tx.rows(query)
    return [CampaignSummary(**summary_fields(row)) for row in rows]


def get_campaign(db: Database, key: str, *, lanes: Collection[str] | None = None) -> CampaignSummary:
    """The campaign with this id, or else with this name, in one of `lanes` or in any lane. Raises NotFound.

    One of another lane is not even read, so that neither text nor time of the error differs.
    """
    query = select(campaign).where(or_(campaign.c.id == key, campaign.c.name == key))
    with db.read() as tx:
        found = tx.rows(query if lanes is None else query.where(campaign.c.lane.in_(lanes)))
    if not found:
        raise NotFound("no campaign has this id or name; `harkara campaign list` shows them")
    return CampaignSummary(**summary_fields(min(found, key=lambda row: bool(row["id"] != key))))


def campaign_names(db: Database, ids: Collection[str]) -> dict[str, str]:
    """Return the names of these campaigns by their ids."""
    with db.read() as tx:
        return {
            row.id: row.name for row in tx.execute(select(campaign.c.id, campaign.c.name).where(campaign.c.id.in_(ids)))
        }


def get_progress(db: Database, identity: str) -> CampaignProgress:
    """The campaign with the number of its messages by state and by code."""
    with db.read(snapshot=True) as tx:
        row = tx.rows(select(campaign).where(campaign.c.id == identity))[0]
        own = message.c.campaign_id == identity
        number = func.count().label("number")
        states = tx.execute(select(message.c.state, number).where(own).group_by(message.c.state))
        by_state = {row.state: row.number for row in states}
        codes = select(message.c.code, number).where(own, in_state(*STATES_WITH_CODE)).group_by(message.c.code)
        by_code = {row.code or "unknown": row.number for row in tx.execute(codes.order_by(number.desc()))}
    for each in load_deleted(row["deleted_results"]):
        by_state[each.state] = by_state.get(each.state, 0) + each.number
        if each.state in STATES_WITH_CODE:
            by_code[each.code or "unknown"] = by_code.get(each.code or "unknown", 0) + each.number
    return CampaignProgress(**summary_fields(row), by_state=by_state, by_code=by_code)


def report(db: Database, identity: str, *, numbers: bool, name_at: int | None = None) -> Iterator[RecipientReport]:
    """The result of each recipient, in the order of the file. With `numbers`, with the recipient's number and name.

    `name_at` is the position of the name among the parameters of the template's body; see `recipient_name`.
    """
    query = (
        select(
            message.c.position,
            message.c.recipient if numbers else null(),
            message.c.body if numbers else null(),
            message.c.state,
            message.c.code,
            message.c.reason,
            case((WROTE, contact.c.wrote_at)),
            case((OPTED_OUT, contact.c.wished_at)),
            message.c.job_id,
            message.c.id,
        )
        .select_from(message)
        .join(contact, SAME_CONTACT, isouter=True)
        .where(message.c.campaign_id == identity)
        .order_by(message.c.position)
    )
    with db.read(snapshot=True) as tx:
        for row in map(RecipientReport._make, tx.execute(query.execution_options(yield_per=_PAGE_ROWS))):
            name = row.name and recipient_name(row.name, name_at)  # the column is the whole request
            to = row.recipient and write_name(row.recipient)  # for the file of a next campaign
            answered_at, opted_out_at = _iso(row.answered_at), _iso(row.opted_out_at)
            yield row._replace(recipient=to, name=name, answered_at=answered_at, opted_out_at=opted_out_at)


def _iso(at: Any) -> str | None:
    return None if at is None else iso_seconds(at)


def list_media(db: Database, identity: str) -> list[tuple[str, str]]:
    """Kind and link of each medium in the unsent messages of the campaign, each once."""
    own = (message.c.campaign_id == identity, in_state(State.WAITING, State.QUEUED, State.CLAIMED))
    query = select(message.c.body).where(*own, message.c.body.is_not(None)).execution_options(yield_per=_PAGE_ROWS)
    with db.read(snapshot=True) as tx:
        return list(dict.fromkeys(medium for (body,) in tx.execute(query) for medium in media_in(body)))


def get_first_body(db: Database, identity: str) -> str | None:
    """Return the request of the first unsent message in the order of the file, None without one."""
    own = (message.c.campaign_id == identity, in_state(State.WAITING, State.QUEUED, State.CLAIMED))
    query = select(message.c.body).where(*own, message.c.body.is_not(None)).order_by(message.c.position).limit(1)
    with db.read() as tx:
        return tx.execute(query).scalar()


def get_rehearsal_inputs(db: Database, found: CampaignSummary, at: datetime) -> RehearsalInputs:
    """What a rehearsal must know of the ledger for a start of the campaign `at` this time."""
    own = (message.c.campaign_id == found.id, in_state(State.WAITING, State.QUEUED, State.CLAIMED))
    prefix = func.substr(message.c.recipient, 1, PREFIX_DIGITS)
    same_contact = and_(contact.c.lane == message.c.lane, contact.c.recipient == message.c.recipient)
    opted_out = func.coalesce(contact.c.stopped.in_(("everything", found.category)), false())
    window_open = func.coalesce(contact.c.wrote_at > at - LENGTH, false())
    groups_of = (prefix, opted_out, window_open, message.c.producer)
    people = select(*groups_of, func.count()).join(contact, same_contact, isouter=True).where(*own)
    with db.read(snapshot=True) as tx:
        groups = tx.execute(people.group_by(*groups_of)).all()
        due_times = others_of(tx, found.lane)
        by_stage = Counter[int]()
        left = stages_left(tx, found, by_stage)
        expires_at = tx.execute(select(message.c.expires_at).where(*own).limit(1)).scalar()  # all have the same
    by_prefix, in_window, number_opted_out = Counter[str](), Counter[str](), 0
    for digits, is_opted_out, is_window_open, producer, number in groups:
        if is_opted_out:
            number_opted_out += number
            continue
        by_prefix[digits] += number
        in_window[digits] += number if is_window_open else 0
        by_stage[max(stage_of(producer), found.stage)] += number
    messages = by_prefix.total() + number_opted_out
    return RehearsalInputs(messages, number_opted_out, by_prefix, in_window, due_times, left, expires_at)


def stages_left(tx: Transaction, found: CampaignSummary, messages: Counter[int]) -> StagesLeft:
    """Return what a rehearsal knows of the stages. A message of an earlier stage counts as one of the present."""
    steps, began = tx.execute(select(campaign.c.steps, campaign.c.stage_at).where(campaign.c.id == found.id)).one()
    sent = tx.execute(select(func.max(message.c.posted_at)).where(message.c.campaign_id == found.id)).scalar()
    return StagesLeft(messages, CampaignSteps.load(steps), found.stage, began, sent)


def others_of(tx: Transaction, lane: str) -> tuple[datetime, ...]:
    """Return when the lane's waiting messages of no campaign are due, the first 100,000."""
    mine = (message.c.lane == lane, in_state(State.WAITING), message.c.campaign_id.is_(None))
    query = select(message.c.due_at).where(*mine).order_by(message.c.due_at).limit(_MAX_OTHERS)
    return tuple(tx.execute(query).scalars())


def summary_fields(row: Row) -> dict[str, Any]:
    """The fields of a CampaignSummary from a row with all columns of `campaign`."""
    steps = CampaignSteps.load(row["steps"]).explain(row["error_share"])
    if row["stop_loss"] is not None:
        steps.append(f"It pauses when it has cost {show(row['stop_loss'])} {row['currency']}.")
    return {name: row[name] for name in _SUMMARY} | {"state": CampaignState(row["state"]), "steps": steps}
