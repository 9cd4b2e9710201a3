"""Rounds of a worker that find nothing to do: one statement each, which writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from harkara.delivery.leased_rounds import Rounds
from harkara.delivery.maintenance import Maintenance
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.events.process import any_due
from harkara.ledger.events.silence import webhook_silences
from harkara.ledger.messages.due import MANY_FLOWS
from harkara.ledger.messages.used_slots import allowances_used
from harkara.ledger.repairs import any_repair
from harkara.ledger.restore import latest_posts
from harkara.limits import Allowance
from harkara.outcomes import Uncertain
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.occasions import PLAN
from tests.integration.ledger.statements import executed_statements
from tests.integration.ledger.steps import accept_messages, age_messages, dispatch_all, reply, states_of

LANES = {name: Lane(name, "token", Allowance(20, 60.0), webhook_secret="secret") for name in ("goa", "pune", "surat")}


def test_a_sweep_that_finds_nothing_is_one_statement_and_the_next_lost_hint_is_found_at_once(db: Database) -> None:
    maintenance = maintenance_of(db)
    maintenance.sweep()
    with executed_statements() as statements:
        assert not maintenance.sweep()
    assert len(statements) == 1
    lost = accept_messages(db, reply())
    dispatch_all(db)
    assert not maintenance.sweep()
    age_messages(db, 11)
    assert maintenance.sweep() == Counter({"given-back": 1})
    assert states_of(db, lost) == ["waiting"]


def test_without_an_open_campaign_a_round_of_campaigns_is_one_statement(db: Database) -> None:
    with executed_statements() as statements:
        assert not maintenance_of(db).campaigns()
    assert len(statements) == 1


def test_with_many_flows_the_sweep_itself_looks_for_deadlines(db: Database) -> None:
    accept_messages(db, *(reply(n, lane=f"lane-{n}") for n in range(MANY_FLOWS)))
    assert not any_repair(db)
    accept_messages(db, reply(lane="another"))
    assert any_repair(db)


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_a_look_for_work_also_answers_what_time_it_is(db: Database) -> None:
    assert not any_due(db)
    with executed_statements() as statements:
        assert not any_due(db)
        db.now()
    assert len(statements) == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda db: latest_posts(db, LANES),
        lambda db: webhook_silences(db, LANES),
        lambda db: allowances_used(db, LANES),
    ],
    ids=["latest posts", "silences", "allowances"],
)
def test_all_lanes_are_asked_about_in_one_statement(db: Database, ask: Callable[[Database], Any]) -> None:
    with executed_statements() as statements:
        ask(db)
    assert len(statements) == 1


def maintenance_of(db: Database) -> Maintenance:
    """Return the maintenance of a worker whose rounds may follow each other at once."""
    return Maintenance(
        db,
        Rounds(db, "worker", lambda name: 0.0),
        lambda crashed: Uncertain("crashed", "Its worker went away.", None),
        PLAN,
        deadlines=DEADLINES,
        retention_seconds=None,
        history_seconds=None,
        may_judge=lambda now: False,
        on_swept=lambda moved: None,
    )
