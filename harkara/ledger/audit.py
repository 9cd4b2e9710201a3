"""Audit: check from the rows alone that every message is in exactly one state and no duplicate is hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import Select, case, func, select

from harkara.ledger.audit_rules import MESSAGES, POSTS, SECTIONS, AuditSection, parameters, rules
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import count_by_source
from harkara.ledger.slices import Key, Slice, first_key, next_slice, within
from harkara.ledger.tables import attempt, message
from harkara.ledger.transaction import Row, Transaction
from harkara.states import State

MAX_IDS = 50
"""Ids listed for each broken rule; the count is always complete."""


@dataclass(slots=True)
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


Progress = Callable[[str, int], object]
"""Is called after each slice with what was checked, such as `messages`, and about how many of them so far."""


def audit(
    db: Database, progress: Progress = lambda what, checked: None, *, sections: Sequence[AuditSection] = SECTIONS
) -> Report:
    """Check the whole ledger in slices, each in a consistent snapshot of its own. Raises Unavailable.

    So no query and no snapshot lasts long, and the memory that it needs does not depend on the size of the ledger.
    """
    checked = _Checked()
    for section in sections:
        after: Key | None = first_key(section.key)
        number = 0
        while after is not None:
            with db.read(snapshot=True) as tx:
                part = next_slice(tx, section.key, after, section.rows)
                _check(tx, section, part, checked)
            after, number = part.last, number + section.rows
            progress(section.what, number)
    with db.read() as tx:
        return checked.report(count_by_source(tx))


@dataclass
class _Checked:
    """What the slices have found so far."""

    by_state: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    claims: int = 0
    flagged: int = 0
    findings: dict[str, Finding] = field(default_factory=dict)

    def add(self, rule: str, broken: int, ids: list[str]) -> None:
        finding = self.findings.setdefault(rule, Finding(rule, 0, []))
        finding.broken += broken
        finding.ids += ids[: MAX_IDS - len(finding.ids)]

    def report(self, letters: dict[str, int]) -> Report:
        messages = self.by_state.total()
        if lost := messages - sum(self.by_state[state.value] for state in State):
            self.add("every message is in exactly one known state, and the sums match", lost, [])
        found, by_state = list(self.findings.values()), {**+self.by_state}
        return Report(messages, by_state, self.attempts, self.claims, self.flagged, letters, found)


def _check(tx: Transaction, section: AuditSection, part: Slice, checked: _Checked) -> None:
    ends = part.last is not None
    values = part.values() | parameters(tx)
    for name, rule in rules(tx, section, ends=ends).items():
        if broken := tx.execute(rule.number, values).scalar_one():
            ids = [str(identity) for identity in tx.execute(rule.ids.limit(MAX_IDS), values).scalars()]
            checked.add(name, broken, ids)
    _count(tx, section, part.values(), checked, ends=ends)


def _count(tx: Transaction, section: AuditSection, values: Row, checked: _Checked, *, ends: bool) -> None:
    if section.what == POSTS.what:
        checked.attempts += tx.execute(_number_of_posts(ends), values).scalar_one()
    if section.what == MESSAGES.what:
        for row in tx.execute(_sums_by_state(ends), values):
            checked.by_state[row.state] += row.number
            checked.claims += row.claims
            checked.flagged += row.flagged


@cache
def _number_of_posts(ends: bool) -> Select[int]:
    return select(func.count()).select_from(attempt).where(*within(POSTS.key, ends=ends))


@cache
def _sums_by_state(ends: bool) -> Select[tuple[str, int, int, int]]:
    flagged = func.sum(case((message.c.maybe_duplicate, 1), else_=0))
    sums = (func.count().label("number"), func.sum(message.c.claims).label("claims"), flagged.label("flagged"))
    return select(message.c.state, *sums).where(*within(MESSAGES.key, ends=ends)).group_by(message.c.state)
