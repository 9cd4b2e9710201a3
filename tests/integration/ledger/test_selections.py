"""Acts on all messages that fit a filter: exactly the set of the preview, and once, also of two operators."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

from harkara.errors import Conflict, Invalid
from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.messages.commands import cancel
from harkara.ledger.messages.queries import find_id, get_status
from harkara.ledger.messages.search import EVERY_MESSAGE, MessageFilter, list_messages
from harkara.ledger.messages.selections import perform, preview
from harkara.ledger.users.acts import Actor, list_acts
from harkara.limits import Allowance
from harkara.message_selection import Act, Progress, delay_seconds
from harkara.outcomes import Refused
from harkara.shared_defaults import DEADLINES
from harkara.states import State
from tests.integration.ledger.bulk import fill
from tests.integration.ledger.occasions import reminder_rows, save, visit
from tests.integration.ledger.steps import (
    LOST,
    PARKED,
    accept_messages,
    begin_posts,
    claim_messages,
    marketing,
    otp,
    record_outcome,
    reply,
    row,
    send_message,
    states_of,
    trace_of,
    update_message,
)

ASHA = Actor("Asha", "command")
HERE = MessageFilter(lane="default")
REFUSED = Refused("131000", "Something went wrong", "Send it again.", 400)


def done(db: Database, act: Act, token: str, wanted: MessageFilter = HERE, by: Actor = ASHA) -> Progress:
    *_, last = perform(db, wanted, act, token, by, deadlines=DEADLINES)
    return last


def test_an_act_concerns_exactly_the_set_of_its_preview(db: Database) -> None:
    waiting = accept_messages(db, *(reply(n) for n in range(12)))
    sent = send_message(db, reply(20))
    shown = preview(db, HERE, "cancel")
    assert (shown.count, shown.lanes, len(shown.examples)) == (12, {"default": 12}, 10)
    assert [each.id for each in shown.examples] == sorted(waiting, reverse=True)[:10]
    assert states_of(db, waiting) == ["waiting"] * 12
    assert done(db, "cancel", shown.token) == Progress(done=12, left=0, total=12)
    assert states_of(db, [*waiting, sent]) == ["cancelled"] * 12 + ["accepted"]
    assert row(db, waiting[0])["reason"] == "cancelled by Asha"
    (entry,) = list_acts(db)
    assert (entry.name, entry.act, entry.filter, entry.number) == ("Asha", "messages.cancelled", "lane default", 12)
    assert audit(db).clean


def test_a_set_that_has_changed_is_refused_and_nothing_is_done(db: Database) -> None:
    first, second = accept_messages(db, reply(1), reply(2))
    shown = preview(db, HERE, "cancel")
    (added,) = accept_messages(db, reply(3))
    with pytest.raises(Conflict, match=r"nothing was done.*3 messages fit now, and the set of the preview had 2"):
        done(db, "cancel", shown.token)
    cancel(db, [added], by="Ravi")
    claim_messages(db, first)
    with pytest.raises(Conflict, match="2 messages fit now, and the set of the preview had 2"):
        done(db, "cancel", shown.token)
    for token in ("", "x", "9" * 30, preview(db, HERE, "sent").token):
        with pytest.raises(Conflict):
            done(db, "cancel", token)
    assert states_of(db, [first, second]) == ["claimed", "waiting"]


def test_two_operators_on_one_set_double_nothing(db: Database) -> None:
    ids = [send_message(db, marketing(n), REFUSED) for n in range(30)]
    token = preview(db, HERE, "resend").token
    with ThreadPoolExecutor(2) as threads:
        tries = [threads.submit(done, db, "resend", token, HERE, by) for by in (ASHA, ASHA._replace(name="Ravi"))]
        results = [each.result() for each in tries if not isinstance(each.exception(), Conflict)]
    assert sum(each.done for each in results) == len(ids)
    assert len(list_messages(db, MessageFilter(states=[State.WAITING]))) == len(ids)
    assert audit(db).clean


def test_a_message_that_changes_during_the_act_is_left_alone(db: Database) -> None:
    (identity,) = accept_messages(db, reply())
    fill(db, identity, 1_500)
    token = preview(db, HERE, "cancel").token
    steps = perform(db, HERE, "cancel", token, ASHA, deadlines=DEADLINES)
    assert next(steps) == Progress(done=1_000, left=0, total=1_501)
    (waiting, *_) = list_messages(db, MessageFilter(states=[State.WAITING]))
    cancel(db, [waiting.id], by="Ravi")
    assert [*steps][-1] == Progress(done=1_500, left=1, total=1_501)
    assert row(db, waiting.id)["reason"] == "cancelled by Ravi"
    assert trace_of(db, waiting.id) == ["cancelled"]


def test_what_an_interrupted_act_has_left_is_in_a_new_preview(db: Database) -> None:
    (identity,) = accept_messages(db, reply())
    fill(db, identity, 1_200)
    token = preview(db, HERE, "cancel").token
    [*islice(perform(db, HERE, "cancel", token, ASHA, deadlines=DEADLINES), 1)]
    with pytest.raises(Conflict):
        done(db, "cancel", token)
    assert [each.number for each in list_acts(db)] == [1_201]
    assert done(db, "cancel", preview(db, HERE, "cancel").token).done == 201


@pytest.mark.parametrize(("act", "state"), [("sent", "accepted"), ("drop", "cancelled"), ("resend", "waiting")])
def test_what_is_uncertain_or_parked_is_decided_together(db: Database, act: Act, state: str) -> None:
    lost, parked = send_message(db, reply(1), LOST), send_message(db, reply(2), PARKED)
    (waiting,) = accept_messages(db, reply(3))
    assert done(db, act, preview(db, HERE, act).token).done == 2
    assert states_of(db, [lost, parked]) == [state, state]
    assert [row(db, each)["maybe_duplicate"] for each in (lost, parked)] == [act == "resend", False]
    assert row(db, waiting)["state"] == "waiting"
    assert audit(db).clean


def test_a_failed_message_is_sent_again_once_as_a_new_message(db: Database) -> None:
    failed = send_message(db, marketing(reference="order 7"), REFUSED)
    assert done(db, "resend", preview(db, HERE, "resend").token).done == 1
    again = row(db, find_id(db, f"again-{failed}"))
    before = row(db, failed)
    assert (again["state"], before["state"]) == ("waiting", "failed")
    same = ("recipient", "body", "template", "category", "lane", "producer", "priority", "quiet")
    assert [again[name] for name in same] == [before[name] for name in same]
    assert again["expires_at"] > again["due_at"]
    assert trace_of(db, failed)[-1] == "resent"
    assert get_status(db, failed).trace[-1].detail == f"as {again['id']} by Asha"
    assert preview(db, HERE, "resend").count == 0
    (claimed,) = claim_messages(db, again["id"])
    assert begin_posts(db, claimed)
    record_outcome(db, claimed, REFUSED)
    assert [each.id for each in preview(db, HERE, "resend").examples] == [again["id"]]
    assert audit(db).clean


def test_codes_reminders_and_erased_messages_are_not_sent_again(db: Database) -> None:
    code, erased = send_message(db, otp(), REFUSED), send_message(db, reply(), REFUSED)
    update_message(db, erased, body=None, recipient=None)
    save(db, visit())
    for reminder in reminder_rows(db):
        update_message(db, reminder["id"], state="failed")
    assert row(db, code)["state"] == "failed"
    assert preview(db, MessageFilter(states=[State.FAILED]), "resend").count == 0


def test_an_act_on_everything_is_refused(db: Database) -> None:
    accept_messages(db, reply())
    for wanted in (EVERY_MESSAGE, MessageFilter(lanes=["default"])):
        with pytest.raises(Invalid, match="every message"):
            preview(db, wanted, "cancel")


def test_the_delay_of_others_is_the_longest_time_that_a_lane_needs(db: Database) -> None:
    for n in range(3):
        send_message(db, reply(n), LOST)
    limits = {"default": Allowance(20, 60), "other": None}
    assert delay_seconds(preview(db, HERE, "resend"), limits) == 9.0
    assert delay_seconds(preview(db, HERE, "resend"), {"default": None}) == 0.0
    assert delay_seconds(preview(db, HERE, "resend"), {}) is None
    assert delay_seconds(preview(db, HERE, "drop"), {}) == 0.0
