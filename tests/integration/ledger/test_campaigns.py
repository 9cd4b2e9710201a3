"""Campaigns in the ledger: held until they start, at a person's word at any time, and finished when all is decided."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from typing import Any

import pytest
from sqlalchemy import select, update

from harkara.campaigns import CampaignMessage, Reject
from harkara.delivery import gates
from harkara.errors import Conflict, Invalid, NotFound
from harkara.lanes import Lane
from harkara.ledger.audit import audit
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.housekeeping import advance_campaigns
from harkara.ledger.campaigns.load import CampaignPlan, load
from harkara.ledger.campaigns.queries import get_campaign, get_progress, report
from harkara.ledger.database import Database
from harkara.ledger.halts import list_halts, park, unpark
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.due import find_obstacles
from harkara.ledger.messages.record import record
from harkara.ledger.messages.result import ClaimResult
from harkara.ledger.tables import campaign, halt, message
from harkara.outcomes import Outcome, Refused, Uncertain, Wait
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    accept_messages,
    age_messages,
    begin_posts,
    claim_messages,
    dispatch_all,
    marketing,
    otp,
    record_outcome,
    reply,
    row,
    run_sweep,
    states_of,
)

DAY = 86_400.0
CHUNK = 20

DUTY = Lock()
"""One process dispatches at a time: of two, one may be locked out of claiming what the other only looked at."""
LANES = {"default": Lane("default", "token", None)}
REFUSED = Refused("131026", "Undeliverable", "The number has no WhatsApp.", 400)


def plan(name: str = "sale", **options: Any) -> CampaignPlan:
    usual: dict[str, Any] = {"lane": "default", "kind": "sale", "template": "spring_sale", "category": "marketing"}
    return CampaignPlan(name, **usual | {"source": "list.csv", "error_share": 0.1, "seconds": 30 * DAY} | options)


def audience(of: CampaignPlan, size: int, first: int = 0) -> Iterator[CampaignMessage]:
    return (CampaignMessage(n + 2, marketing(n, producer=of.id, lane=of.lane)) for n in range(first, first + size))


def loaded(db: Database, size: int = 4, name: str = "sale", **options: Any) -> str:
    of = plan(name, **options)
    load(db, of, audience(of, size))
    return of.id


def running(db: Database, size: int = 4, name: str = "sale", **options: Any) -> str:
    identity = loaded(db, size, name, **options)
    commands.start(db, identity)
    return identity


def ids(db: Database, identity: str) -> list[str]:
    return [line.id for line in report(db, identity, numbers=False)]


def state(db: Database, identity: str) -> str:
    return str(get_campaign(db, identity).state)


def past_gates(db: Database, claims: list[Claimed]) -> list[Claimed]:
    """Those that the gates let pass; the others go back."""
    context = gates.load(db, LANES, claims)
    outcomes = [(one, gates.check(one, context)) for one in claims]
    for one, outcome in outcomes:
        if outcome is not None:
            record_outcome(db, one, outcome, posted=False)
    return [one for one, outcome in outcomes if outcome is None]


def carry(db: Database, outcome: Outcome = ACCEPTED, most: int = 1000) -> int:
    """Sends what is due, all with the same outcome; returns how many went."""
    with DUTY:
        hinted = dispatch_all(db, depth=most)
    went = past_gates(db, claim_messages(db, *hinted))
    if not went:
        return 0
    held = begin_posts(db, *went)
    with db.write() as tx:
        record(tx, [ClaimResult.of(one, outcome, posted=True) for one in went if (one.id, one.epoch) in held])
    return len(held)


def test_a_campaign_is_held_until_it_is_started_and_finished_when_all_have_gone(db: Database) -> None:
    identity = loaded(db, 4)
    assert (state(db, identity), carry(db)) == ("ready", 0)
    commands.start(db, identity)
    assert (state(db, identity), carry(db)) == ("running", 4)
    assert advance_campaigns(db) == {"finished": 1}
    found = get_progress(db, identity)
    assert (found.state, found.audience, found.by_state) == ("finished", 4, {"accepted": 4})
    assert found.finished_at is not None
    assert advance_campaigns(db) == {}
    assert audit(db).clean


def test_a_pause_holds_at_once_what_is_queued_and_what_is_claimed(db: Database) -> None:
    identity = running(db, 4)
    hinted = dispatch_all(db)
    claims = claim_messages(db, *hinted[:2])
    commands.pause(db, identity, "The price is wrong.")
    assert past_gates(db, claims + claim_messages(db, *hinted[2:])) == []
    assert states_of(db, hinted) == ["waiting"] * 4
    told = row(db, hinted[0])
    assert (told["code"], told["reason"]) == ("campaign-paused", "Campaign sale is paused: The price is wrong.")
    assert (told["strikes"], told["tries"]) == (0, 0)
    assert (dispatch_all(db), state(db, identity)) == ([], "paused")
    commands.resume(db, identity)
    assert carry(db) == 4
    assert advance_campaigns(db) == {"finished": 1}
    assert audit(db).clean


def test_what_is_being_sent_when_it_is_paused_ends_by_itself_and_may_finish_it(db: Database) -> None:
    identity = running(db, 1)
    (claimed,) = claim_messages(db, *dispatch_all(db))
    begin_posts(db, claimed)
    commands.pause(db, identity, "Wait.")
    assert advance_campaigns(db) == {}
    record_outcome(db, claimed, ACCEPTED)
    assert advance_campaigns(db) == {"finished": 1}
    with db.read() as tx:
        assert tx.rows(select(halt)) == [], "a finished campaign holds nothing"


def test_a_cancel_is_for_good_and_takes_back_what_comes_back_later(db: Database) -> None:
    identity = running(db, 5)
    waiting, queued, claimed_, sending, lost = ids(db, identity)
    with db.write() as tx:
        tx.execute(update(message).where(message.c.id == queued).values(state="queued", lease_until=tx.now))
    claims = {one.id: one for one in claim_messages(db, claimed_, sending, lost)}
    begin_posts(db, claims[sending], claims[lost])
    assert commands.cancel(db, identity, by="Asha") == 3
    assert states_of(db, [waiting, queued, claimed_]) == ["cancelled"] * 3
    assert advance_campaigns(db) == {}, "two are still on their way"
    record_outcome(db, claims[sending], Wait(0, "503", "Busy", status=503))
    record_outcome(db, claims[lost], Uncertain("read-timeout", "No answer came in time.", 60.0))
    assert advance_campaigns(db) == {"finished": 1}
    assert states_of(db, [sending, lost]) == ["cancelled", "uncertain"]
    assert row(db, lost)["resend_at"] is None
    assert (state(db, identity), get_campaign(db, identity).reason) == ("cancelled", "cancelled by Asha")
    age_messages(db, 120)
    run_sweep(db)
    assert dispatch_all(db) == []
    assert audit(db).clean


def test_a_scheduled_campaign_starts_at_its_time_and_a_pause_keeps_the_time(db: Database) -> None:
    identity = loaded(db, 2)
    soon = datetime.now(UTC) + timedelta(hours=1)
    commands.start(db, identity, soon)
    assert (state(db, identity), carry(db), advance_campaigns(db)) == ("scheduled", 0, {})
    commands.pause(db, identity, "Not yet.")
    commands.resume(db, identity)
    assert state(db, identity) == "scheduled"
    its_time_comes(db)
    assert carry(db) == 2, "the time itself lets it go, whether or not anybody has swept"
    run_sweep(db)
    assert advance_campaigns(db) == {"finished": 1}


def test_housekeeping_says_that_a_scheduled_campaign_runs(db: Database) -> None:
    identity = loaded(db, 2)
    commands.start(db, identity, datetime.now(UTC) + timedelta(hours=1))
    its_time_comes(db)
    assert advance_campaigns(db) == {"started": 1}
    found = get_campaign(db, identity)
    assert found.state == "running"
    assert found.started_at
    assert found.start_at
    assert found.started_at == found.resumed_at
    assert found.started_at > found.start_at


def its_time_comes(db: Database) -> None:
    with db.write() as tx:
        past = tx.now - timedelta(seconds=1)
        tx.execute(update(campaign).values(start_at=past))
        tx.execute(update(halt).where(halt.c.until.is_not(None)).values(until=past))


def test_a_start_in_the_past_or_after_the_deadline_is_refused(db: Database) -> None:
    identity = loaded(db, 1)
    now = datetime.now(UTC)
    with pytest.raises(Invalid, match="has passed already"):
        commands.start(db, identity, now - timedelta(seconds=1))
    with pytest.raises(Invalid, match="deadline of its messages"):
        commands.start(db, identity, now + timedelta(days=31))
    assert state(db, identity) == "ready"


def test_each_state_says_what_it_does_not_allow(db: Database) -> None:
    identity = loaded(db, 1)
    with pytest.raises(Conflict, match="has not been started"):
        commands.pause(db, identity, "Wait.")
    commands.start(db, identity)
    with pytest.raises(Conflict, match="is running"):
        commands.resume(db, identity)
    commands.pause(db, identity, "Wait.")
    with pytest.raises(Conflict, match="resume it"):
        commands.start(db, identity)
    commands.cancel(db, identity, by="Asha")
    with pytest.raises(Conflict, match="is final"):
        commands.resume(db, identity)
    with pytest.raises(NotFound):
        commands.start(db, "camp_unknown")


def test_too_many_failures_pause_it_with_a_sentence_and_a_resume_counts_anew(db: Database) -> None:
    identity = running(db, 60)
    assert carry(db, ACCEPTED, most=18) == 18
    assert carry(db, REFUSED, most=3) == 3
    assert advance_campaigns(db) == {"paused": 1}
    found = get_campaign(db, identity)
    assert (found.state, found.code) == ("paused", "error-share")
    assert found.reason == (
        "3 of the last 21 messages failed, more than 10 %; most common: 131026 (3). "
        "Correct the template or the list, then resume."
    )
    assert carry(db) == 0
    commands.resume(db, identity)
    assert (advance_campaigns(db), state(db, identity)) == ({}, "running")
    assert carry(db) == 39
    assert advance_campaigns(db) == {"finished": 1}
    assert get_progress(db, identity).by_code == {"131026": 3}


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_its_own_error_share_decides(db: Database, share: float) -> None:
    identity = running(db, 60, error_share=share)
    carry(db, ACCEPTED, most=18)
    carry(db, REFUSED, most=3)
    assert (advance_campaigns(db), state(db, identity)) == ({}, "running")


def test_an_uncertain_message_keeps_it_open_only_while_its_policy_will_send_it_again(db: Database) -> None:
    identity = running(db, 2)
    first, second = ids(db, identity)
    for claimed, outcome in zip(
        claim_messages(db, first, second), (LOST, Uncertain("500", "Perhaps.", 60.0)), strict=True
    ):
        begin_posts(db, claimed)
        record_outcome(db, claimed, outcome)
    assert (advance_campaigns(db), state(db, identity)) == ({}, "running")
    age_messages(db, 61, second)
    run_sweep(db)
    assert (states_of(db, [first, second]), advance_campaigns(db)) == (["uncertain", "waiting"], {})
    assert carry(db) == 1
    assert advance_campaigns(db) == {"finished": 1}


def test_what_is_never_started_expires_and_ends(db: Database) -> None:
    identity = loaded(db, 2)
    age_messages(db, 31 * DAY)
    run_sweep(db)
    assert (states_of(db, ids(db, identity)), advance_campaigns(db)) == (["cancelled"] * 2, {"finished": 1})
    assert get_progress(db, identity).by_code == {"expired": 2}


def test_a_campaign_delays_a_code_not_at_all_and_another_producer_by_its_turn(db: Database) -> None:
    running(db, 50)
    running(db, 3, name="news")
    (other,) = accept_messages(db, marketing(90))
    (urgent,) = accept_messages(db, otp(91))
    hinted = dispatch_all(db, depth=8)
    assert hinted[0] == urgent
    producers = Counter(row(db, one)["producer"][:5] for one in hinted[1:])
    assert other in hinted[1:4]
    assert producers == {"camp_": 6, "defau": 1}


def test_a_paused_campaign_is_in_nobodys_way(db: Database) -> None:
    loaded(db, 50)
    (other,) = accept_messages(db, reply(90))
    assert dispatch_all(db, depth=1) == [other]
    with db.read() as tx:
        assert not find_obstacles(tx, "default").backlog, "what comes now is hinted at once"
    commands.start(db, get_campaign(db, "sale").id)
    with db.read() as tx:
        assert find_obstacles(tx, "default").backlog


def test_a_lane_that_is_parked_and_let_go_again_starts_no_campaign(db: Database) -> None:
    identity = loaded(db, 2)
    assert list_halts(db) == []
    park(db, "default", "Maintenance")
    assert unpark(db, "default") == 1
    assert (state(db, identity), carry(db)) == ("ready", 0)


def test_a_name_is_given_once_and_finds_the_campaign_as_its_id_does(db: Database) -> None:
    identity = loaded(db, 1)
    assert get_campaign(db, "sale").id == get_campaign(db, identity).id == identity
    with pytest.raises(Conflict, match="another --name"):
        loaded(db, 1)
    assert len(ids(db, identity)) == 1


def test_an_audience_of_nobody_leaves_nothing_behind(db: Database) -> None:
    with pytest.raises(Invalid, match="gives a message"):
        load(db, plan(), [Reject(2, "to", "must not be empty", "missing-value")])
    with pytest.raises(NotFound):
        get_campaign(db, "sale")


def test_rows_keep_their_place_in_the_file_and_rejects_are_counted(db: Database) -> None:
    of = plan()
    result = load(db, of, [*audience(of, 2), Reject(4, "to", "is the number of row 2 again", "duplicate")])
    assert (result.audience, result.rejected) == (2, 1)
    told = list(report(db, of.id, numbers=True))
    assert [(line.row, line.recipient, line.state) for line in told] == [
        (2, "919876500000", "waiting"),
        (3, "919876500001", "waiting"),
    ]
    assert all(line.recipient is None for line in report(db, of.id, numbers=False))


def test_a_load_that_breaks_off_stays_visible_never_starts_and_can_be_cancelled(db: Database) -> None:
    of = plan()

    def broken() -> Iterator[CampaignMessage]:
        yield from audience(of, 700)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(db, of, broken())
    assert (state(db, of.id), len(ids(db, of.id)), get_campaign(db, of.id).audience) == ("loading", 500, 500)
    with pytest.raises(Conflict, match="cancel it and load it again"):
        commands.start(db, of.id)
    assert (carry(db), advance_campaigns(db)) == (0, {})
    assert commands.cancel(db, of.id, by="Asha") == 500
    assert advance_campaigns(db) == {"finished": 1}
    assert audit(db).clean


def test_a_campaign_that_is_cancelled_while_it_is_loaded_takes_no_more_rows(db: Database) -> None:
    of = plan()

    def slow() -> Iterator[CampaignMessage]:
        yield from audience(of, 500)
        commands.cancel(db, of.id, by="Asha")
        yield from audience(of, 500, first=500)

    with pytest.raises(Conflict, match="was cancelled during its load"):
        load(db, of, slow())
    assert get_progress(db, of.id).by_state == {"cancelled": 500}


def test_an_audience_of_any_size_is_loaded_in_bounded_memory(db: Database) -> None:
    of = plan()
    begun = time.monotonic()
    tracemalloc.start()
    try:
        load(db, of, audience(of, 10_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 15e6, "a few batches, whatever the audience"
    assert time.monotonic() - begun < 60
    assert get_progress(db, of.id).by_state == {"waiting": 10_000}


def test_the_audit_finds_campaigns_whose_sums_do_not_match(db: Database) -> None:
    short, open_, gone = (running(db, 2, name=name) for name in ("short", "open", "gone"))
    with db.write() as tx:
        past = tx.now - timedelta(minutes=2)
        tx.execute(update(message).values(changed_at=past))
        tx.execute(update(campaign).where(campaign.c.id == short).values(audience=3))
        tx.execute(update(campaign).where(campaign.c.id == open_).values(state="finished"))
        tx.execute(update(campaign).where(campaign.c.id == gone).values(state="cancelled", changed_at=past))
    findings = {finding.rule: finding.ids for finding in audit(db).findings}
    assert findings["a campaign has as many messages as its audience"] == [short]
    unsent = findings["a campaign that is over has no unsent message"]
    assert sorted(unsent) == sorted(ids(db, open_) + ids(db, gone))


@pytest.mark.parametrize("ends_by", ["resume", "cancel"])
def test_whatever_is_decided_while_senders_run_each_row_ends_once(db: Database, ends_by: str) -> None:
    chance = random.Random(ends_by)
    identity = running(db, 200, error_share=1.0)
    with senders(db, 3):
        for _ in range(4):
            time.sleep(chance.uniform(0, 0.1))
            with suppress(Conflict):
                commands.pause(db, identity, "Wait.")
            advance_campaigns(db)
            with suppress(Conflict):
                commands.resume(db, identity)
        if ends_by == "cancel":
            with suppress(Conflict):
                commands.cancel(db, identity, by="Asha")
        wait_for(lambda: advance_campaigns(db) or get_campaign(db, identity).finished_at is not None)
    found = get_progress(db, identity)
    assert found.state in ("finished", "cancelled")
    assert set(found.by_state) <= {"accepted", "failed", "cancelled"}
    assert sum(found.by_state.values()) == found.audience == 200
    examined = audit(db)
    assert examined.clean, examined.findings
    assert examined.flagged == 0


def test_a_pause_lets_through_no_more_than_what_senders_have_in_hand(db: Database) -> None:
    identity = running(db, 200, error_share=1.0)
    with senders(db, 3):
        wait_for(lambda: settled(db, identity) > 0)
        commands.pause(db, identity, "Wait.")
        went = settled(db, identity)
        time.sleep(0.5)
        assert settled(db, identity) <= went + 3 * CHUNK
        commands.resume(db, identity)
        wait_for(lambda: settled(db, identity) == 200)
    assert advance_campaigns(db) == {"finished": 1}


@contextmanager
def senders(db: Database, number: int) -> Iterator[None]:
    """Workers that send whatever is due, with all kinds of outcomes."""
    stop = Event()
    outcomes: list[Outcome] = [ACCEPTED, ACCEPTED, REFUSED, Wait(0, "503", "Busy", status=503)]

    def work(seed: int) -> None:
        chance = random.Random(seed)
        while not stop.is_set():
            carry(db, chance.choice(outcomes), most=CHUNK)

    with ThreadPoolExecutor(number) as threads:
        running = [threads.submit(work, seed) for seed in range(number)]
        try:
            yield
        finally:
            stop.set()
    for each in running:
        each.result()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def settled(db: Database, identity: str) -> int:
    by_state = get_progress(db, identity).by_state
    return sum(by_state.get(name, 0) for name in ("accepted", "failed"))
