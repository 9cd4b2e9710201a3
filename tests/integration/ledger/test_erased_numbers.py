"""Sums stay when numbers are erased: by the retention, for a person, and with their messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import phonenumbers
from sqlalchemy import select, update

from harkara.campaigns import CampaignMessage
from harkara.campaigns.steps import CampaignSteps, producer
from harkara.inbound.contact import ConsentChoice
from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.again import create_second_round
from harkara.ledger.campaigns.effects import get_effect
from harkara.ledger.campaigns.figures import CampaignFigures, get_figures
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.load import CampaignPlan, load
from harkara.ledger.campaigns.queries import get_campaign
from harkara.ledger.contacts.consent import link_names, record_consent
from harkara.ledger.database import Database
from harkara.ledger.history import delete_history
from harkara.ledger.messages.erased_number import calling_code
from harkara.ledger.messages.search import MessageFilter, list_messages
from harkara.ledger.personal.receipt import erase_with_receipt
from harkara.ledger.tables import message
from harkara.ledger.users.acts import Actor
from tests.integration.ledger.campaigns import REFUSED, SETTINGS, campaign_plan, send_due
from tests.integration.ledger.money import MARKETING, accepted, amounts, event, template
from tests.integration.ledger.steps import (
    accept_messages,
    age_messages,
    marketing,
    otp,
    reply,
    row,
    run_sweep,
    send_message,
    update_message,
)
from tests.integration.ledger.webhooks import deliver_webhooks

INDIA, ABROAD = Decimal("1.018458"), 6 * Decimal("1.18")
"""What a marketing message costs by the shipped prices."""

INDIAN, BRITISH = [f"9198765{n:05d}" for n in range(3)], ["447400123456", "447400123457"]


def start_abroad(db: Database) -> str:
    """Send a campaign to three people in India and two in the United Kingdom; return its id."""
    plan = campaign_plan(error_share=1.0)
    load(db, plan, audience(plan))
    commands.start(db, plan.id)
    send_due(db)
    return plan.id


def audience(plan: CampaignPlan, held_out: Sequence[str] = ()) -> list[CampaignMessage]:
    return [
        CampaignMessage(n, marketing(to=f"+{to}", producer=plan.id), held_out=to in held_out)
        for n, to in enumerate(INDIAN + BRITISH, 2)
    ]


def respond(db: Database, wrote: Sequence[str], opted_out: Sequence[str] = ()) -> None:
    """Let these people write and opt out, a minute after the POST of their message."""
    with db.write() as tx:
        posted = update(message).where(message.c.posted_at.is_not(None))
        tx.execute(posted.values(posted_at=tx.now - timedelta(minutes=1)))
        for name in wrote:
            link_names(tx, "default", (name,), wrote_at=tx.now)
    choice: dict[str, Any] = {
        "action": "opt-out",
        "category": "marketing",
        "how": "operator",
        "proof": "Form",
        "at": db.now(),
    }
    record_consent(db, "default", [ConsentChoice(recipient=name, **choice) for name in opted_out])


def pass_deadlines(db: Database) -> None:
    with db.write() as tx:
        tx.execute(update(message).values(expires_at=tx.now - timedelta(seconds=1)))


def figures(db: Database, identity: str) -> CampaignFigures:
    return get_figures(db, get_campaign(db, identity), SETTINGS)


def numbers_left(db: Database) -> int:
    with db.read() as tx:
        return len(tx.execute(select(message.c.id).where(message.c.recipient.is_not(None))).all())


def responded(db: Database, identity: str, response: str) -> int:
    return len(list_messages(db, MessageFilter(campaign=identity, response=response)))


def test_the_figures_of_a_campaign_are_those_before_the_retention_and_before_the_deletion(db: Database) -> None:
    identity = start_abroad(db)
    respond(db, wrote=[INDIAN[0], BRITISH[0]], opted_out=[BRITISH[0]])
    before = figures(db, identity)
    assert (before.answered, before.opted_out, before.unpriced) == (2, 1, 0)
    assert before.cost == 3 * INDIA + 2 * ABROAD
    advance_campaigns(db)
    pass_deadlines(db)
    assert run_sweep(db, retention=0)["erased"] == 5
    assert numbers_left(db) == 0
    assert figures(db, identity) == before
    assert (responded(db, identity, "written"), responded(db, identity, "opted-out")) == (2, 1)
    for batch in delete_history(db, -60.0):
        assert batch["message"] in (0, 4), "the last POST of the lane stays"
    assert figures(db, identity) == before
    assert audit(db).clean


def test_the_figures_stay_if_messages_are_deleted_whose_numbers_the_retention_keeps(db: Database) -> None:
    identity = start_abroad(db)
    respond(db, wrote=[INDIAN[0]])
    before = figures(db, identity)
    advance_campaigns(db)
    pass_deadlines(db)
    assert sum(batch["message"] for batch in delete_history(db, -60.0)) == 4
    assert figures(db, identity) == before


def test_the_figures_stay_if_a_person_is_erased(db: Database) -> None:
    identity = start_abroad(db)
    respond(db, wrote=BRITISH, opted_out=[BRITISH[1]])
    before = figures(db, identity)
    erase_with_receipt(db, BRITISH[1], "k" * 32, Actor("Asha", "command"))
    assert numbers_left(db) == 4
    assert figures(db, identity) == before


def test_a_number_that_an_earlier_release_erased_has_no_price_and_the_figures_say_so(db: Database) -> None:
    identity = start_abroad(db)
    with db.write() as tx:
        tx.execute(update(message).where(message.c.recipient.in_(INDIAN[:2])).values(recipient=None))
    found = figures(db, identity)
    assert (found.cost, found.unpriced) == (INDIA + 2 * ABROAD, 2)
    for changes, one in (
        ({"mode": "credits"}, Decimal("0.236")),
        ({"marketing": {"91": Decimal(1), "default": Decimal(1)}}, Decimal("1.18")),
    ):
        settings = replace(SETTINGS, prices=SETTINGS.prices.model_copy(update=changes))
        found = get_figures(db, get_campaign(db, identity), settings)
        assert (found.cost, found.unpriced) == (5 * one, 0), "the price does not depend on the country"


def test_a_delivery_after_the_erasure_costs_what_it_does_in_its_country(db: Database) -> None:
    accepted(db, template(category="marketing"))
    pass_deadlines(db)
    run_sweep(db, retention=0)
    assert numbers_left(db) == 0
    deliver_webhooks(db, event(db, "delivered", to=None))
    assert amounts(db) == [MARKETING]


def test_a_code_keeps_its_number_for_the_hour_in_which_it_counts(db: Database) -> None:
    code, text = send_message(db, otp()), send_message(db, reply(1))
    pass_deadlines(db)
    run_sweep(db, retention=0)
    assert (row(db, code)["recipient"], row(db, text)["recipient"]) == ("919876500000", None)
    age_messages(db, 3600)
    run_sweep(db, retention=0)
    assert row(db, code)["recipient"] is None


def test_the_effect_of_a_campaign_is_written_before_its_numbers_are_erased(db: Database) -> None:
    plan = campaign_plan(steps=CampaignSteps(hold_out=0.5), answer_days=7)
    load(db, plan, audience(plan, held_out=BRITISH))
    commands.start(db, plan.id)
    send_due(db)
    respond(db, wrote=[INDIAN[0], BRITISH[0]])
    before = get_effect(db, plan.id)
    assert (before.answered, before.recipients, before.held_out_answered, before.held_out) == (1, 3, 1, 2)
    run_sweep(db, retention=0)
    assert get_effect(db, plan.id).final is False
    pass_deadlines(db)
    run_sweep(db, retention=0)
    assert numbers_left(db) == 0
    assert dict(get_effect(db, plan.id)) == dict(before)


def test_a_canary_is_judged_with_the_opt_outs_of_erased_numbers(db: Database) -> None:
    plan = campaign_plan(steps=CampaignSteps(canary=0.5, canary_hours=0, canary_delivered=0))
    first, second = marketing(0, producer=plan.id), marketing(1, producer=producer(plan.id, 2))
    load(db, plan, [CampaignMessage(2, first), CampaignMessage(3, second)])
    commands.start(db, plan.id)
    assert send_due(db) == 1
    respond(db, wrote=[], opted_out=INDIAN[:1])
    update_message(db, first.id, expires_at=db.now() - timedelta(seconds=1))
    run_sweep(db, retention=0)
    assert numbers_left(db) == 1
    assert advance_campaigns(db) == {"paused": 1}


def test_a_second_round_says_how_many_numbers_are_erased(db: Database) -> None:
    plan = campaign_plan(error_share=1.0)
    load(db, plan, [CampaignMessage(n, marketing(n, producer=plan.id)) for n in range(2, 5)])
    commands.start(db, plan.id)
    send_due(db, REFUSED)
    advance_campaigns(db)
    with db.write() as tx:
        tx.execute(update(message).where(message.c.position < 4).values(recipient=None, body=None))
    _, loaded, rejects = create_second_round(db, get_campaign(db, plan.id), "again", SETTINGS)
    assert (loaded.audience, loaded.rejected, rejects.by_code) == (1, 2, {"erased": 2})


def test_the_calling_code_of_a_number_names_its_country(db: Database) -> None:
    numbers = {f"{code}000000000": str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE}
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1] + phonenumbers.COUNTRY_CODE_TO_REGION_CODE[7]:
        example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        assert example is not None
        number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
        numbers[number] = number[: {"US": 1, "CA": 1, "RU": 1, "KZ": 2}.get(region, 4)]
    with db.read() as tx:
        each = tx.listed(numbers).c.id
        found = {number: code for number, code in tx.execute(select(each, calling_code(each)))}
    assert found == numbers


def test_messages_survive_the_migration_of_erased_numbers(db: Database) -> None:
    identity = start_abroad(db)
    (waiting,) = accept_messages(db, reply(9, at=datetime.now(UTC) + timedelta(days=2)))
    advance_campaigns(db)
    with db.write() as tx:
        tx.execute(update(message).where(message.c.id != waiting).values(expires_at=tx.now - timedelta(seconds=1)))
    run_sweep(db, retention=0)
    before = figures(db, identity)
    migrate.downgrade(db, "0037")
    migrate.upgrade(db)
    after = figures(db, identity)
    assert (before.unpriced, after.unpriced, after.cost) == (0, 5, Decimal(0))
    assert row(db, waiting)["recipient"] == "919876500009"
    assert audit(db).clean
