"""Steps of campaigns: the canary and its judgment, waves, the stop-loss, held-out recipients and second rounds."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from harkara.campaigns import CampaignMessage
from harkara.campaigns.steps import CampaignSteps, producer
from harkara.errors import Conflict, NotFound
from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.again import create_second_round
from harkara.ledger.campaigns.effects import get_effect
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.load import load
from harkara.ledger.campaigns.next_stages import list_next_stages
from harkara.ledger.campaigns.queries import get_campaign, get_progress, report
from harkara.ledger.campaigns.rehearse import rehearse_campaign
from harkara.ledger.campaigns.results import get_results
from harkara.ledger.database import Database
from harkara.ledger.messages.queries import get_status
from harkara.ledger.messages.search import Count
from harkara.ledger.messages.send_again import send_again
from harkara.ledger.tables import attempt, campaign, charge, contact, halt, message
from harkara.outcomes import Outcome
from tests.integration.ledger.campaigns import LANES, REFUSED, SETTINGS, campaign_plan, message_ids, send_due, state_of
from tests.integration.ledger.steps import ACCEPTED, marketing

CANARY = CampaignSteps(canary=0.2)
WAVES = CampaignSteps(wave_share=0.25)
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def start_in_stages(db: Database, sizes: list[int], steps: CampaignSteps, held_out: int = 0, **options: Any) -> str:
    """Start a campaign with so many messages in each stage, and so many recipients who get nothing."""
    plan = campaign_plan(steps=steps, **options)

    def rows() -> Iterator[CampaignMessage]:
        stages = [stage for stage, size in enumerate(sizes, 1) for _ in range(size)]
        for n, stage in enumerate([*stages, *[1] * held_out]):
            envelope = marketing(n, producer=producer(plan.id, stage), lane=plan.lane)
            yield CampaignMessage(n + 2, envelope, held_out=n >= len(stages))

    load(db, plan, rows())
    commands.start(db, plan.id)
    return plan.id


def let_pass(db: Database, hours: float) -> None:
    """Move the times of campaigns and of their POSTs into the past."""
    away = timedelta(hours=hours)
    with db.write() as tx:
        for row in tx.rows(select(campaign.c.id, campaign.c.stage_at, campaign.c.started_at)):
            moved = {"stage_at": row["stage_at"] - away, "started_at": row["started_at"] - away}
            tx.execute(update(campaign).where(campaign.c.id == row["id"]).values(**moved))
        for row in tx.rows(select(message.c.id, message.c.posted_at).where(message.c.posted_at.is_not(None))):
            tx.execute(update(message).where(message.c.id == row["id"]).values(posted_at=row["posted_at"] - away))


def deliver(db: Database, identity: str, number: int) -> None:
    with db.write() as tx:
        mine = (message.c.campaign_id == identity, message.c.state == "accepted")
        ids = tx.execute(select(message.c.id).where(*mine).limit(number)).scalars().all()
        tx.execute(update(message).where(message.c.id.in_(ids)).values(state="delivered"))


def write(db: Database, recipients: list[str | None], at: datetime | None = None, **values: Any) -> None:
    with db.write() as tx:
        for recipient in recipients:
            row = {"lane": "default", "recipient": recipient, "wrote_at": at or tx.now}
            tx.execute(insert(contact), row | values)


def recipients_of(db: Database, identity: str, state: str) -> list[str | None]:
    return [line.recipient for line in report(db, identity, numbers=True) if line.state == state]


def test_after_a_good_canary_the_rest_goes_by_itself(db: Database) -> None:
    identity = start_in_stages(db, [5, 20], CANARY)
    assert send_due(db) == 5
    deliver(db, identity, 4)
    assert (advance_campaigns(db), send_due(db)) == ({}, 0), "it is judged an hour later"
    let_pass(db, 1)
    assert advance_campaigns(db) == {"continued": 1}
    assert (advance_campaigns(db), get_campaign(db, identity).stage) == ({}, 2)
    assert send_due(db) == 20
    assert advance_campaigns(db) == {"finished": 1}
    assert audit(db).clean


def test_the_rehearsal_has_the_hours_after_the_canary_and_then_what_is_left_of_them(db: Database) -> None:
    identity = start_in_stages(db, [5, 20], CANARY)
    before = rehearse_campaign(db, get_campaign(db, identity), SETTINGS).rehearsal
    assert (before.messages, before.between_stages) == (25, 3600)
    assert send_due(db) == 5
    left = rehearse_campaign(db, get_campaign(db, identity), SETTINGS).rehearsal
    with db.read() as tx:
        posted = tx.execute(select(func.max(message.c.posted_at))).scalar_one()
    assert (left.messages, left.starts_at - posted, left.between_stages) == (20, timedelta(hours=1), 0)


def test_the_end_of_a_running_campaign_has_the_hours_after_its_canary(db: Database) -> None:
    identity = start_in_stages(db, [5, 20], CANARY)
    before = get_results(db, identity)
    end = before.ends_at(LANES["default"])
    assert end is not None
    assert end - before.at == timedelta(hours=1)
    assert send_due(db) == 5
    left = get_results(db, identity)
    end = left.ends_at(LANES["default"])
    assert end is not None
    assert left.left == 20
    assert end - left.at <= timedelta(hours=1)
    (stage,) = list_next_stages(db, ["default"])
    assert (stage.name, stage.number) == ("sale", Count(20, exact=True))
    assert abs(stage.begins_at - end) < timedelta(seconds=1)
    assert list_next_stages(db, ["shop"]) == []
    let_pass(db, 1)
    later = get_results(db, identity)
    assert later.ends_at(LANES["default"]) == later.at


def test_after_a_bad_canary_the_campaign_pauses_with_the_reason_and_a_resume_sends_the_rest(db: Database) -> None:
    identity = start_in_stages(db, [5, 20], CANARY)
    send_due(db)
    deliver(db, identity, 3)
    write(db, recipients_of(db, identity, "delivered")[:1], stopped="marketing", wished_at=LATER)
    let_pass(db, 1)
    assert advance_campaigns(db) == {"paused": 1}
    found = get_campaign(db, identity)
    assert (found.state, found.code, found.reason) == (
        "paused",
        "canary",
        "Of 5 messages of the canary 3 were delivered, less than 80 %; 1 opted out, more than 2 %."
        " Resume to send the rest, or cancel.",
    )
    assert (send_due(db), advance_campaigns(db)) == (0, {})
    commands.resume(db, identity)
    assert (get_campaign(db, identity).stage, send_due(db)) == (2, 20)
    assert advance_campaigns(db) == {"finished": 1}


def test_the_second_wave_follows_after_its_hours_and_not_during_a_pause(db: Database) -> None:
    identity = start_in_stages(db, [3, 6], WAVES)
    assert (send_due(db), advance_campaigns(db), send_due(db)) == (3, {}, 0)
    *_, waiting = [line.id for line in report(db, identity, numbers=False) if line.state == "waiting"]
    assert get_status(db, waiting).next == "Campaign sale has not come to its stage 2."
    commands.pause(db, identity, "Wait.")
    let_pass(db, 25)
    assert (advance_campaigns(db), send_due(db)) == ({}, 0)
    commands.resume(db, identity)
    assert send_due(db) == 0
    assert advance_campaigns(db) == {"continued": 1}
    assert (send_due(db), advance_campaigns(db)) == (6, {"finished": 1})
    with db.read() as tx:
        assert tx.execute(select(func.count()).select_from(halt)).scalar_one() == 0


def test_a_cancelled_campaign_sends_no_later_stage(db: Database) -> None:
    identity = start_in_stages(db, [3, 6], WAVES)
    send_due(db)
    assert commands.cancel(db, identity, "Asha") == 6
    assert (send_due(db), advance_campaigns(db), state_of(db, identity)) == (0, {"finished": 1}, "cancelled")
    assert audit(db).clean


def test_a_campaign_pauses_at_its_stop_loss_until_it_is_raised(db: Database) -> None:
    identity = start_in_stages(db, [10], CampaignSteps(), stop_loss=2_000_000, currency="INR")
    assert get_campaign(db, identity).steps == ["It pauses when it has cost 2.00 INR."]
    send_due(db, most=4)
    charge_all(db, identity, 400_000)
    assert advance_campaigns(db) == {}, "1.60 rupees"
    send_due(db, most=1)
    charge_all(db, identity, 400_000)
    assert advance_campaigns(db) == {"paused": 1}
    found = get_campaign(db, identity)
    assert (found.code, found.reason) == (
        "stop-loss",
        "It has cost 2.00 INR, and its stop-loss is 2.00 INR. Resume it with a higher stop-loss, or cancel it.",
    )
    with pytest.raises(Conflict, match="Give it a higher stop-loss to resume it"):
        commands.resume(db, identity, stop_loss=(1_000_000, "INR"))
    commands.resume(db, identity, stop_loss=(5_000_000, "INR"))
    assert (advance_campaigns(db), send_due(db)) == ({}, 5)


def charge_all(db: Database, identity: str, micros: int) -> None:
    with db.write() as tx:
        row = {"lane": "default", "day": tx.now.date(), "at": tx.now, "category": "marketing", "campaign_id": identity}
        row |= {"currency": "INR", "amount": micros, "fee": 0, "tax": 0}
        for one in tx.execute(select(message.c.id).where(message.c.state == "accepted")).scalars().all():
            tx.execute(tx.insert_new(charge), row | {"message_id": one})


def test_held_out_recipients_get_nothing_and_the_effect_counts_the_answers_of_both(db: Database) -> None:
    identity = start_in_stages(db, [40], CampaignSteps(hold_out=0.5), held_out=40, answer_days=2)
    assert send_due(db) == 40
    assert advance_campaigns(db) == {"finished": 1}
    progress = get_progress(db, identity)
    assert (progress.audience, progress.by_state) == (80, {"accepted": 40, "cancelled": 40})
    assert progress.by_code == {"held-out": 40}
    out = recipients_of(db, identity, "cancelled")
    write(db, [*recipients_of(db, identity, "accepted")[:20], *out[:2]])
    write(db, out[2:4], get_campaign(db, identity).created_at - timedelta(hours=1))
    found = get_effect(db, identity)
    assert (found.answered, found.recipients, found.held_out_answered, found.held_out) == (20, 40, 2, 40)
    assert not found.final
    assert advance_campaigns(db) == {}
    let_pass(db, 49)
    assert advance_campaigns(db) == {"measured": 1}
    write(db, out[4:30])
    final = get_effect(db, identity)
    assert (final.held_out_answered, final.final, final.sentence) == (4, True, final.sentence)
    assert advance_campaigns(db) == {}
    assert audit(db).clean


def test_a_campaign_that_holds_no_recipient_out_has_no_effect(db: Database) -> None:
    with pytest.raises(NotFound, match="there is no effect to measure"):
        get_effect(db, start_in_stages(db, [1], CampaignSteps()))


def test_a_second_round_goes_to_the_failed_who_still_agree_and_only_once(db: Database) -> None:
    identity = start_in_stages(db, [6], CampaignSteps(), error_share=1.0)
    found = get_campaign(db, identity)
    with pytest.raises(Conflict, match="is not over"):
        create_second_round(db, found, "again", SETTINGS)
    send_due(db, ACCEPTED, most=2)
    send_due(db, REFUSED)
    advance_campaigns(db)
    failed = recipients_of(db, identity, "failed")
    write(db, failed[:1], stopped="marketing", wished_at=LATER)
    plan, loaded, rejects = create_second_round(db, get_campaign(db, identity), "again", SETTINGS)
    assert (loaded.audience, rejects.by_code) == (3, {"opted-out": 1})
    assert recipients_of(db, plan.id, "waiting") == failed[1:]
    assert get_campaign(db, plan.id).source == "failed of sale"
    with pytest.raises(Conflict, match="campaign again is the second round already"):
        create_second_round(db, get_campaign(db, identity), "third", SETTINGS)
    with pytest.raises(Conflict, match="exists already"):
        load(db, campaign_plan("again"), [CampaignMessage(2, marketing())])
    commands.start(db, plan.id)
    assert send_due(db) == 3
    assert bodies(db, identity)[3:] == bodies(db, plan.id), "with the same messages"


def test_a_second_round_after_a_cancelled_one_leaves_out_who_had_another_message(db: Database) -> None:
    identity = start_in_stages(db, [6], CampaignSteps(), error_share=1.0)
    send_due(db, REFUSED)
    advance_campaigns(db)
    found, failed = get_campaign(db, identity), recipients_of(db, identity, "failed")
    first, _, _ = create_second_round(db, found, "first", SETTINGS)
    commands.start(db, first.id)
    assert send_due(db, most=2) == 2
    commands.cancel(db, first.id, "Asha")
    with db.write() as tx:
        ids = [line.id for line in report(db, identity, numbers=False)]
        assert len(send_again(tx, ids[4:5], "Ravi", {"marketing": 3600.0})) == 1
    plan, loaded, rejects = create_second_round(db, found, "second", SETTINGS)
    assert (loaded.audience, rejects.by_code) == (3, {"sent-again": 3})
    had = [*recipients_of(db, first.id, "accepted"), failed[4]]
    assert recipients_of(db, plan.id, "waiting") == [one for one in failed if one not in had]


def bodies(db: Database, identity: str) -> list[Any]:
    with db.read() as tx:
        ids = message_ids(db, identity)
        rows = tx.execute(select(message.c.id, message.c.digest).where(message.c.id.in_(ids)))
        found: dict[str, Any] = {one: digest for one, digest in rows}
    return [found[each] for each in ids]


@pytest.mark.parametrize("seed", range(3))
def test_in_whatever_order_steps_and_commands_run_each_recipient_gets_one_message_or_none(
    db: Database, seed: int
) -> None:
    """Each step is one transaction: a process that dies between two of them leaves what this test begins with."""
    chance = random.Random(seed)
    steps = CampaignSteps(canary=0.1, canary_hours=0, canary_delivered=0, wave_share=0.3, wave_hours=0, hold_out=0.1)
    identity = start_in_stages(db, [8, 20, 60], steps, held_out=6, error_share=1.0)
    acts: list[Any] = [
        lambda: advance_campaigns(db),
        lambda: send_due(db, chance.choice(OUTCOMES), most=chance.randint(1, 20)),
        lambda: commands.pause(db, identity, "Wait."),
        lambda: commands.resume(db, identity),
    ]
    seen = []
    while get_campaign(db, identity).finished_at is None:
        with suppress(Conflict):
            chance.choices(acts, weights=(4, 4, 1, 2))[0]()
        seen.append(get_campaign(db, identity).stage)
        assert posted_stages(db) <= set(range(1, seen[-1] + 1)), "no message is sent before its stage"
    assert seen == sorted(seen)
    with db.read() as tx:
        posts = Counter(tx.execute(select(attempt.c.message_id)).scalars())
    assert (len(posts), set(posts.values())) == (88, {1})
    assert get_progress(db, identity).by_code.get("held-out") == 6
    found = audit(db)
    assert found.clean, found.findings


OUTCOMES: list[Outcome] = [ACCEPTED, ACCEPTED, REFUSED]


def posted_stages(db: Database) -> set[int]:
    with db.read() as tx:
        names = tx.execute(select(message.c.producer).where(message.c.posted_at.is_not(None)).distinct()).scalars()
        return {int(name.partition("-")[2] or 1) for name in names}


def test_a_downgrade_pauses_a_campaign_with_stages_to_come_and_a_resume_sends_them_all(own_db: Database) -> None:
    identity = start_in_stages(own_db, [3, 6], WAVES)
    send_due(own_db)
    migrate.downgrade(own_db, "0021")
    with own_db.read() as tx:
        rows = tx.execute(select(message.c.producer).distinct()).scalars().all()
        held = tx.execute(select(halt.c.subject)).scalars().all()
        state = tx.execute(select(campaign.c.state)).scalar_one()
    assert (rows, held, state) == ([identity], [identity], "paused")
    migrate.upgrade(own_db)
    commands.resume(own_db, identity)
    assert send_due(own_db) == 6
    assert advance_campaigns(own_db) == {"finished": 1}
    assert audit(own_db).clean
