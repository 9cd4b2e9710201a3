"""Occasions that an earlier release accepted keep their reminders, although a new rule would refuse them."""

from __future__ import annotations

import pytest

from harkara.errors import Invalid
from harkara.ledger.database import Database
from tests.integration.ledger.occasions import PLAN, VISIT, closing, noon, rules_and_states, save, visit


@pytest.mark.parametrize(("name", "text"), [("doctor", "_Dr Rao_"), ("place", "upi://pay?pa=clinic@upi")])
def test_a_parameter_that_is_refused_now_loses_no_stored_reminder(db: Database, name: str, text: str) -> None:
    old = visit(parameters={**VISIT, name: text})
    with pytest.raises(Invalid, match=rf"\.{name}: has "):
        PLAN.validate_occasion(old)  # what every application calls first
    save(db, old)
    assert rules_and_states(db) == [("-24h", "waiting"), ("-2h", "waiting")]
    save(db, visit(parameters={**VISIT, name: text}, at=noon(5)))
    assert rules_and_states(db)[2:] == [("-24h", "waiting"), ("-2h", "waiting")]
    save(db, closing("cancelled"))
    assert {state for _, state in rules_and_states(db)} == {"cancelled"}
