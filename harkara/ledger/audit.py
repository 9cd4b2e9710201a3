"""The audit: proves from the rows alone that every message is in exactly one state and nothing was sent in silence."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, case, exists, func, or_, select, true

from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database, Transaction
from harkara.ledger.events.evidence import BY_CONTENT, BY_ID
from harkara.ledger.tables import attempt, campaign, message, occasion, trace
from harkara.states import FINAL, UNSENT, CampaignState, State

SHOWN = 50
"""Ids listed for each broken rule; the count is always whole."""

_AFTER_ACCEPTED = {State.ACCEPTED, State.SENT, State.DELIVERED, State.READ, State.FAILED}
"""`failed` too: Chat Mitra may take a message and WhatsApp refuse it later."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule and what breaks it: ids of messages, or of campaigns."""

    rule: str
    broken: int
    ids: list[str]


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an audit; `clean` is what everybody hopes for."""

    messages: int
    by_state: dict[str, int]
    attempts: int
    claims: int
    flagged: int
    findings: list[Finding] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.findings


def audit(db: Database) -> Report:
    """Reads the whole ledger in one consistent look. Raises Unavailable."""
    with db.read(snapshot=True) as tx:
        states = select(message.c.state, func.count().label("number")).group_by(message.c.state)
        by_state = {row.state: row.number for row in tx.execute(states)}
        sums = tx.execute(
            select(
                func.count().label("messages"),
                func.coalesce(func.sum(message.c.claims), 0).label("claims"),
                func.coalesce(func.sum(case((message.c.maybe_duplicate, 1), else_=0)), 0).label("flagged"),
            ).select_from(message)
        ).one()
        attempts = tx.execute(select(func.count()).select_from(attempt)).scalar_one()
        findings = [f for rule, query in _rules(tx).items() if (f := _finding(tx, rule, query))]
    known = sum(by_state.get(state.value, 0) for state in State)
    if lost := sums.messages - known:
        findings.append(Finding("every message is in exactly one known state, and the sums match", lost, []))
    return Report(sums.messages, by_state, attempts, sums.claims, sums.flagged, findings)


def _rules(tx: Transaction) -> dict[str, Select[tuple[str]]]:
    """Each rule with the query of the messages that break it."""
    posts = _attempts(true())
    taken = _attempts(or_(attempt.c.outcome.in_(("accepted", "uncertain")), attempt.c.outcome.is_(None)))
    took = _attempts(attempt.c.outcome == "accepted")
    running = _attempts(and_(attempt.c.ended_at.is_(None), attempt.c.outcome.is_(None)))
    endings = _lines(trace.c.event.in_([state.value for state in FINAL]))
    ending = _lines(trace.c.event == message.c.state)
    by_hand = _lines(and_(trace.c.event == State.ACCEPTED.value, trace.c.code == "operator"))
    told = _lines(trace.c.code.in_((BY_CONTENT, BY_ID)))
    ids = select(message.c.id)
    went = message.c.state.in_([s.value for s in (State.ACCEPTED, State.SENT, State.DELIVERED, State.READ)])
    return {
        "POSTs never exceed claims": ids.where(posts > message.c.claims),
        "tries never exceed POSTs": ids.where(message.c.tries > posts),
        "what may have gone out twice is flagged": ids.where(taken > 1, ~message.c.maybe_duplicate),
        "accepted only with Chat Mitra's answer or webhook, or a person's word": ids.where(
            went, took == 0, told == 0, by_hand == 0
        ),
        # Who drops a message by hand does not mind whether it arrived, and the answer may come after that.
        "Chat Mitra's answer is never forgotten": ids.where(
            took > 0, ~in_state(*_AFTER_ACCEPTED), func.coalesce(message.c.code, "") != "dropped"
        ),
        "a final message ended once, and stayed as it ended": ids.where(
            in_state(*FINAL), or_(endings != 1, ending != 1)
        ),
        # Of several devices one may have got it although the first word was that it failed.
        "only a final message has an ending, or one that arrived after all": ids.where(
            ~in_state(*FINAL), endings > 0, told == 0
        ),
        "sending has exactly one open POST": ids.where(in_state(State.SENDING), running != 1),
        "nothing unsent has an open POST": ids.where(in_state(State.WAITING, State.QUEUED, State.CLAIMED), running > 0),
        # Whoever was in the middle of its POST when the occasion changed is stopped by the gate, should it come back.
        "an unsent reminder is of its occasion as it is now": ids.where(
            in_state(*UNSENT),
            message.c.posted_at.is_(None),
            message.c.occasion_id.is_not(None),
            ~exists().where(_asks()),
        ),
        "a lease is held by those in hand, and by nobody else": ids.where(
            in_state(State.QUEUED, State.CLAIMED, State.SENDING) != message.c.lease_until.is_not(None)
        ),
        "one-time codes are blank when done": ids.where(
            message.c.category == "authentication", message.c.body.is_not(None), or_(went, in_state(*FINAL))
        ),
        "the rows of a campaign are its audience": select(campaign.c.id).where(campaign.c.audience != _rows()),
        # One that a person decided to send once more afterwards is that person's, and no longer the campaign's.
        "a campaign that is over has nothing left that never went": ids.where(
            in_state(State.WAITING, State.QUEUED, State.CLAIMED),
            message.c.resends == 0,
            message.c.changed_at < _minute_ago(tx),
            message.c.campaign_id.in_(select(campaign.c.id).where(_over(tx))),
        ),
        "no lease has been over for a minute": ids.where(
            in_state(State.QUEUED, State.CLAIMED, State.SENDING), message.c.lease_until < _minute_ago(tx)
        ),
    }


def _asks() -> ColumnElement[bool]:
    """The occasion that wants this reminder as it is."""
    same = and_(occasion.c.id == message.c.occasion_id, occasion.c.revision == message.c.revision)
    return and_(same, occasion.c.status == "open")


def _rows() -> ScalarSelect[int]:
    counted = select(func.count()).where(message.c.campaign_id == campaign.c.id)
    return counted.correlate(campaign).scalar_subquery()


def _over(tx: Transaction) -> ColumnElement[bool]:
    """Finished, or cancelled long enough ago for the last of its messages to be withdrawn."""
    cancelled = and_(campaign.c.state == CampaignState.CANCELLED.value, campaign.c.changed_at < _minute_ago(tx))
    return or_(campaign.c.state == CampaignState.FINISHED.value, cancelled)


def _attempts(condition: ColumnElement[bool]) -> ScalarSelect[int]:
    counted = select(func.count()).where(attempt.c.message_id == message.c.id, condition)
    return counted.correlate(message).scalar_subquery()


def _lines(condition: ColumnElement[bool]) -> ScalarSelect[int]:
    counted = select(func.count()).where(trace.c.message_id == message.c.id, condition)
    return counted.correlate(message).scalar_subquery()


def _minute_ago(tx: Transaction) -> datetime:
    return tx.now - timedelta(minutes=1)


def _finding(tx: Transaction, rule: str, query: Select[tuple[str]]) -> Finding | None:
    broken = tx.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    if not broken:
        return None
    return Finding(rule, broken, [str(identity) for identity in tx.execute(query.limit(SHOWN)).scalars()])
