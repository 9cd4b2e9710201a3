"""Audit: check from the rows alone that every message is in exactly one state and no duplicate is hidden."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import case, func, select

from harkara.ledger.audit_rules import AuditRule, parameters, rules
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import count_by_source
from harkara.ledger.tables import attempt, message
from harkara.ledger.transaction import Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.states import State

MAX_IDS = 50
"""Ids listed for each broken rule; the count is always complete."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule, with the ids of the messages, campaigns or days that break it."""

    rule: str
    broken: int
    ids: list[str]


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an audit; it is `clean` without findings.

    Dead letters, by source, break no rule of the ledger: their entries are not in it.
    """

    messages: int
    by_state: dict[str, int]
    attempts: int
    claims: int
    flagged: int
    dead_letters: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.findings


def audit(db: Database) -> Report:
    """Check the whole ledger in one consistent snapshot. Raises Unavailable."""
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
        letters = count_by_source(tx)
        findings = [found for name, rule in rules(tx).items() if (found := _finding(tx, name, rule))]
    known = sum(by_state.get(state.value, 0) for state in State)
    if lost := sums.messages - known:
        findings.append(Finding("every message is in exactly one known state, and the sums match", lost, []))
    return Report(sums.messages, by_state, attempts, sums.claims, sums.flagged, letters, findings)


def run_audit(db: Database, actor: Actor) -> Report:
    """Check the whole ledger as an act of `actor`. Raises Unavailable."""
    report = audit(db)
    with db.write() as tx:
        broken = [f"{finding.rule}: {finding.broken}" for finding in report.findings]
        record_act(tx, actor, "audit.run", "; ".join(broken) or "clean", number=report.messages)
    return report


def _finding(tx: Transaction, name: str, rule: AuditRule) -> Finding | None:
    values = parameters(tx)
    broken = tx.execute(rule.number, values).scalar_one()
    if not broken:
        return None
    return Finding(name, broken, [str(identity) for identity in tx.execute(rule.ids.limit(MAX_IDS), values).scalars()])
