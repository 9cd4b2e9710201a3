"""What a turn of the assistant costs is a charge of its own: no message, no credit, and in no budget."""

from __future__ import annotations

import json
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from harkara.assistant.rules import AssistantRules, Billing
from harkara.assistant.talk import Proposal
from harkara.ledger.audit import audit
from harkara.ledger.charges.budgets import check_budgets, list_budgets, set_budget
from harkara.ledger.charges.spend import get_spend
from harkara.ledger.charges.spend_sums import add_to_sums
from harkara.ledger.conversations.turns import AnswerLimits, write_turn
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import LedgerError
from harkara.ledger.personal.export import export_person
from harkara.ledger.tables import charge, turn
from harkara.messages import Envelope
from harkara.money.budgets import Budget
from harkara.money.spend import By
from harkara.shared_defaults import DEADLINES
from tests.integration.ledger.money import MARKETING, accepted, charges, delivered, event, process_with, spend, template
from tests.integration.ledger.steps import marketing
from tests.integration.ledger.test_credits import CREDIT, CREDITS
from tests.integration.ledger.turns import (
    ASHA,
    BY,
    LIVE,
    SHADOW,
    answer,
    answers_of,
    claimed,
    row_of,
    superseded,
    talk_of,
    turns_of,
    wrote,
)

KIRITIMATI = ZoneInfo("Pacific/Kiritimati")
BILLING = Billing("INR", {"default": KIRITIMATI})
BILLED = LIVE.billed(BILLING)
PRICED = Proposal(texts=("We open at nine.",), source="model", tokens=900, price=12_500)
BYS: tuple[By, ...] = ("day", "lane", "category", "template", "campaign")


def answered(db: Database, proposal: Proposal = PRICED, rules: AssistantRules = BILLED) -> None:
    wrote(db, "When do you open?", rules=rules)
    answer(db, proposal, rules)


def test_a_turn_with_a_price_has_one_charge_on_the_day_of_its_lane(db: Database) -> None:
    answered(db)
    ((written,), (one,)) = turns_of(db), charges(db)
    assert (one["message_id"], one["category"], one["currency"]) == (written["id"], "assistant", "INR")
    assert (one["amount"], one["fee"], one["tax"], one["credits"], one["person"]) == (12_500, 0, 0, 0, None)
    assert one["day"] == written["at"].astimezone(KIRITIMATI).date()


@pytest.mark.parametrize("rules", [BILLED, SHADOW.billed(BILLING)])
def test_a_superseded_answer_and_one_in_the_shadow_cost_as_much(db: Database, rules: AssistantRules) -> None:
    wrote(db, "Hello", rules=rules)
    written = superseded(db, PRICED, rules) if rules is BILLED else answer(db, PRICED, rules)
    assert written.outcome in ("superseded", "shadow")
    assert [row["amount"] for row in charges(db)] == [12_500]


@pytest.mark.parametrize("moved_on", [False, True])
def test_a_turn_that_is_written_again_after_a_lost_reply_costs_and_sends_once(db: Database, moved_on: bool) -> None:
    wrote(db, "Hello", rules=BILLED)
    one = claimed(db)
    talk = talk_of(db, one)
    if moved_on:
        wrote(db, "One more thing", rules=BILLED)
    first = write_turn(db, one, talk, PRICED, BILLED, AnswerLimits(DEADLINES, 10.0))
    again = write_turn(db, one, talk, PRICED, BILLED, AnswerLimits(DEADLINES, 10.0))
    assert again == first
    assert bool(first.hint) is not moved_on
    assert [row["amount"] for row in charges(db)] == [12_500]
    assert row_of(db)["cost"] == 12_500
    assert len(answers_of(db)) == (0 if moved_on else 1)
    assert [each["outcome"] for each in turns_of(db)] == [first.outcome]


def test_the_key_of_the_claim_refuses_a_second_turn(db: Database) -> None:
    answered(db)
    (written,) = turns_of(db)
    with pytest.raises(LedgerError), db.write() as tx:
        tx.execute(insert(turn), written | {"outcome": "superseded"})


def test_an_answer_of_the_faq_costs_nothing_and_has_no_charge(db: Database) -> None:
    answered(db, Proposal(texts=("At nine.",), source="faq"))
    assert charges(db) == []


@pytest.mark.parametrize("by", BYS)
def test_the_spend_has_its_amount_in_a_line_of_its_own_and_counts_no_message(db: Database, by: By) -> None:
    delivered(db, marketing())
    with db.write() as tx:
        tx.execute(charge.update().values(template="assistant"))  # a template may have this name
    answered(db)
    while add_to_sums(db):
        pass
    found = get_spend(db, by, since=date(2000, 1, 1), until=date(2100, 1, 1))
    assert sum(each.messages for each in found) == 1
    assert sum(each.free for each in found) == 0
    assert sum(each.amount for each in found) == MARKETING + 12_500
    if by in ("category", "template", "campaign"):
        assert (0, 12_500) in [(each.messages, each.amount) for each in found if each.key == "assistant"]
    assert audit(db).clean


def test_no_budget_of_marketing_counts_it(db: Database) -> None:
    zones = {"default": KIRITIMATI}
    set_budget(db, Budget("default", "day", "", 12_500, "INR"))
    set_budget(db, Budget("default", "month", "", 12_500, "INR"))
    answered(db)
    assert check_budgets(db, zones) == ([], [])
    assert [each.spent for each in list_budgets(db, zones)] == [0, 0]


def test_credits_are_counted_as_if_there_were_no_turn(db: Database) -> None:
    answered(db)
    accepted(db, to_asha(), "job-0")
    process_with(db, event(db, "delivered"), prices=CREDITS)
    assert sorted((row["credits"], row["amount"]) for row in charges(db)) == [(0, 12_500), (1, CREDIT)]
    assert (spend(db, "lane")["default"].credits, spend(db, "lane")["default"].messages) == (1, 1)


def test_the_person_may_see_it(db: Database) -> None:
    answered(db)
    exported = json.loads(json.dumps(export_person(db, ASHA, by=BY)))
    [found] = exported["tables"]["charge"]
    assert (found["amount"], found["day"]) == (12_500, charges(db)[0]["day"].isoformat())


def to_asha() -> Envelope:
    return template(to=f"+{ASHA}")
