"""Why messages do not go on: one group for each reason, with a sentence and what helps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from harkara.ledger.campaigns.commands import pause, start
from harkara.ledger.database import Database
from harkara.ledger.halts import park
from harkara.ledger.messages.reasons import explain
from harkara.ledger.messages.search import MessageFilter
from harkara.message_groups import short_time
from harkara.outcomes import Refused, Wait
from harkara.states import State
from tests.integration.ledger.campaigns import load_campaign
from tests.integration.ledger.steps import (
    ACCEPTED,
    LOST,
    PARKED,
    accept_messages,
    claim_messages,
    marketing,
    record_outcome,
    reply,
    send_message,
    update_message,
)

INDIA = {"default": ZoneInfo("Asia/Kolkata")}


def sentences(db: Database, wanted: MessageFilter | None = None) -> list[str]:
    return [group.sentence for group in explain(db, wanted or MessageFilter(), INDIA)]


def hold_back(db: Database, n: int, until: datetime) -> None:
    (claimed,) = claim_messages(db, *accept_messages(db, marketing(n)))
    wait = Wait(60, "quiet-hours", "Quiet hours: it is sent when they end.")
    record_outcome(db, claimed, wait, posted=False)
    update_message(db, claimed.id, due_at=until)


def test_each_reason_is_a_sentence_with_what_helps(db: Database) -> None:
    nine = datetime.now(UTC) + timedelta(hours=3)
    for n in range(3):
        hold_back(db, n, nine)
    for n in range(2):
        send_message(db, reply(n), Refused("window-closed", "", "Send a template."))
    lost = send_message(db, reply(), LOST)
    send_message(db, reply(), ACCEPTED)
    at = short_time(nine, datetime.now(UTC), INDIA["default"])
    quiet, shut, uncertain = explain(db, zones=INDIA)
    assert quiet.sentence == f"3 wait for {at}, quiet hours"
    assert (quiet.remedy, quiet.command) == (None, None)
    assert shut.sentence == "2 failed: window closed, no fallback"
    assert shut.remedy == "Send a template."
    assert shut.command == "harkara resend --state failed --lane default --code window-closed"
    assert uncertain.sentence.startswith("1 uncertain, answer lost ")
    assert uncertain.command == "harkara resolve --state uncertain --lane default --code read-timeout --sent"
    assert (uncertain.state, uncertain.code, uncertain.number, uncertain.exact) == (
        "uncertain",
        "read-timeout",
        1,
        True,
    )
    assert sentences(db, MessageFilter(states=[State.UNCERTAIN])) == [uncertain.sentence]
    assert sentences(db, MessageFilter(id=lost)) == [uncertain.sentence]
    assert sentences(db, MessageFilter(states=[State.ACCEPTED])) == []


def test_messages_that_wait_say_what_for(db: Database) -> None:
    accept_messages(db, reply(1), reply(2))
    accept_messages(db, reply(3, at=datetime.now(UTC) + timedelta(hours=1)))
    claim_messages(db, *accept_messages(db, reply(4)))
    send_message(db, reply(5), PARKED)
    found = sentences(db)
    assert found[0] == "2 are due and go when their turn in the lane comes"
    assert "1 are being sent" in found
    assert "1 wait for your decision: The code is unknown." in found
    assert any(each.startswith("1 are due later, the first at ") for each in found)


def test_halted_lanes_and_campaigns_name_their_command(db: Database) -> None:
    identity = load_campaign(db)
    start(db, identity)
    pause(db, identity, "Wrong price.")
    accept_messages(db, reply(lane="other"))
    park(db, "other", "The token is refused.")
    held, parked = explain(db)
    assert held.sentence.endswith("Wrong price.")
    assert held.command == f"harkara campaign resume {identity}"
    assert parked.sentence == "1 wait: lane other is parked: The token is refused."
    assert parked.command == "harkara lanes unpark other"


def test_numbers_say_that_there_are_more_than_were_read(db: Database) -> None:
    accept_messages(db, *(reply(n) for n in range(4)))
    (group,) = explain(db, most=2)
    assert (group.sentence[:8], group.exact) == ("3+ are d", False)


def test_a_code_of_chat_mitra_may_have_a_slash(db: Database) -> None:
    """The parts of a group's key are divided by slashes."""
    send_message(db, reply(1), Refused("131/026", "Undeliverable", "The number has no WhatsApp."))
    send_message(db, reply(2), Wait(60, "a/b/c", "Busy"))
    assert {(each.state, each.code) for each in explain(db)} == {(State.WAITING, "a/b/c"), (State.FAILED, "131/026")}


def test_a_time_of_another_day_has_its_date() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert short_time(datetime(2026, 11, 24, 3, 30, tzinfo=UTC), now, INDIA["default"]) == "09:00"
    assert short_time(datetime(2026, 11, 29, 3, 30, tzinfo=UTC), now, INDIA["default"]) == "29 Nov 09:00"


def test_the_newest_failed_messages_are_read_and_the_others_are_said_as_more(db: Database) -> None:
    refused = Refused("131026", "Undeliverable", "The number has no WhatsApp.")
    for lane in ("default", "shop", "shop"):
        send_message(db, marketing(lane=lane), refused)
    for most, exact in ((2, False), (3, True)):
        found = {each.lane: (each.number, each.exact) for each in explain(db, most_ended=most)}
        assert found == {"default": (1, exact), "shop": (2, exact)}
    (group,) = explain(db, MessageFilter(lane="default"), most_ended=3)
    assert (group.sentence[:8], group.exact) == ("1 failed", True)
    assert explain(db, MessageFilter(lane="default"), most_ended=1) == []
    (group,) = explain(db, MessageFilter(lane="shop"), most_ended=1)
    assert (group.number, group.exact) == (2, False)
