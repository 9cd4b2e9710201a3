"""The round of alarms measures the goals and hands what opens and closes to its receivers, each until it takes it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import redis
from structlog.testing import capture_logs

from config.environment import ROOT
from harkara.alarms.apprise_receiver import AppriseReceiver
from harkara.alarms.receivers import Receiver, WhatsAppReceiver
from harkara.alarms.round import LEASE_SECONDS, AlarmRound, Source
from harkara.alarms.services import measure_disk, measure_redis
from harkara.catalogue import Catalogue
from harkara.delivery.leased_rounds import Rounds
from harkara.errors import Invalid, Unavailable
from harkara.goals import Goals, Reading
from harkara.goals.alarm import Alarm
from harkara.ledger.alarms.alarms import list_alarms
from harkara.ledger.alarms.notices import MOST, open_notices
from harkara.ledger.alarms.record import list_goals
from harkara.ledger.database import Database
from harkara.ledger.messages.accept import accept
from harkara.ledger.messages.search import list_messages
from harkara.shared_defaults import DEADLINES
from tests.integration.alarms.service import PASSWORD, Service, service
from tests.integration.ledger.alarms import wait_minutes
from tests.integration.ledger.webhooks import deliver_webhooks, inbound_webhook

OWNER = "+919876500007"
"""The person number 7 of `inbound_webhook`."""

GOALS = Goals.model_validate({"beat": {"most": "60s"}, "redis-memory": {"most": 0.5}, "disk": {"most": 1.0}})


@pytest.fixture
def mail() -> Iterator[Service]:
    with service() as found:
        yield found


def run(db: Database, seconds: float | None, *receivers: Receiver, sources: tuple[Source, ...] = ()) -> None:
    """Run a round in which the heartbeat is this old, a moment after the former one."""

    def beat(goals: Goals) -> Iterator[Reading]:
        yield Reading("beat", seconds)

    rounds = Rounds(db, "worker", lambda name: 0.0)
    assert AlarmRound(db, rounds, GOALS, (*sources, beat), receivers).run()


def open_alarm(db: Database, *receivers: Receiver) -> str:
    run(db, 90, *receivers)
    wait_minutes(db, 3)
    run(db, 90, *receivers)
    return list_alarms(db)[0].id


def close_alarm(db: Database, *receivers: Receiver) -> None:
    run(db, 1, *receivers)
    wait_minutes(db, 6)
    run(db, 1, *receivers)


def whatsapp(db: Database) -> WhatsAppReceiver:
    catalogue = Catalogue.load(ROOT / "config" / "templates.toml")
    store = partial(accept, db, deadlines=DEADLINES, queued_seconds=0.0, direct_hints=False)
    return WhatsAppReceiver(OWNER, "default", lambda: catalogue, store)


def test_a_service_gets_each_opening_and_closing_once(db: Database, mail: Service) -> None:
    receiver = AppriseReceiver(mail.url)
    identity = open_alarm(db, receiver)
    run(db, 95, receiver)
    close_alarm(db, receiver)
    assert mail.titles == ["Alarm: beat", "Alarm closed: beat"]
    opened, closed = (notice["message"] for notice in mail.notices)
    assert opened.startswith("Beat, Redis and a worker last worked together 90 s ago; the goal is 1 min.")
    assert f"harkara alarms acknowledge {identity}" in opened
    assert closed.startswith("The goal is met again.")
    assert open_notices(db) == []


def test_the_alarm_of_a_goal_that_was_deleted_does_not_close_as_met(db: Database, mail: Service) -> None:
    receiver, rounds = AppriseReceiver(mail.url), Rounds(db, "worker", lambda name: 0.0)
    open_alarm(db, receiver)
    wait_minutes(db, 61)
    assert AlarmRound(db, rounds, Goals(), (), (receiver,)).run()
    assert mail.titles == ["Alarm: beat", "Alarm closed: beat"]
    assert mail.notices[1]["message"].startswith("The goal is no longer in the file of goals. It was missed since")


def test_a_service_that_fails_gets_the_notice_later_and_stops_no_other(db: Database, mail: Service) -> None:
    mail.status = 500
    with service() as chat, capture_logs() as logs:
        receivers = AppriseReceiver(mail.url), AppriseReceiver(chat.url)
        open_alarm(db, *receivers)
        run(db, 90, *receivers)
        assert (len(mail.notices), len(chat.notices)) == (2, 1)
        failed = [entry for entry in logs if entry["action"] == "alarm_undelivered"]
        assert [(entry["receiver"], entry["reason"]) for entry in failed] == [("JSON", "the service did not accept it")]
        mail.status = 200
        run(db, 90, *receivers)
    assert len(mail.notices) == 3
    assert open_notices(db) == []
    assert PASSWORD not in repr((logs, list_goals(db), list_alarms(db)))


class SlowReceiver:
    """A service that does not take a notice, and takes 8 s to show it."""

    id = name = "slow"

    def __init__(self) -> None:
        self.seconds = 0.0

    def wants(self, event: str) -> bool:
        return True

    def notify(self, event: str, alarm: Alarm, goals: Goals) -> bool:
        self.seconds += 8
        return False


def test_many_notices_for_a_service_that_does_not_answer_stop_no_other(db: Database, mail: Service) -> None:
    """They must not hide the notices of others, nor last until another process takes the round over."""
    slow, chat = SlowReceiver(), AppriseReceiver(mail.url)
    lanes = [f"lane-{number}" for number in range(2 * MOST)]

    def away(goals: Goals) -> Iterator[Reading]:
        yield from (Reading("beat", 90, lane) for lane in lanes)

    for _ in range(2):
        before = slow.seconds
        rounds = Rounds(db, "worker", lambda name: 0.0)
        assert AlarmRound(db, rounds, GOALS, (away,), (slow,), clock=lambda: slow.seconds).run()
        assert slow.seconds - before < LEASE_SECONDS / 2
        wait_minutes(db, 3)
    assert slow.seconds > 0
    identity = open_alarm(db, slow, chat)
    assert mail.titles == ["Alarm: beat"]
    assert identity in mail.notices[0]["message"]


def test_a_process_that_ends_hands_no_more_notices_over(db: Database) -> None:
    slow, rounds = SlowReceiver(), Rounds(db, "worker", lambda name: 0.0)

    def away(goals: Goals) -> Iterator[Reading]:
        yield from (Reading("beat", 90, lane) for lane in ("north", "south", "west"))

    assert AlarmRound(db, rounds, GOALS, (away,), (slow,)).run()
    wait_minutes(db, 3)
    assert AlarmRound(db, rounds, GOALS, (away,), (slow,), stopped=lambda: slow.seconds > 0).run()
    assert (slow.seconds, len(open_notices(db))) == (8, 3)


def test_a_service_that_the_settings_name_no_more_gets_nothing(db: Database, mail: Service) -> None:
    mail.status = 500
    open_alarm(db, AppriseReceiver(mail.url))
    run(db, 90)
    assert (len(mail.notices), open_notices(db)) == (1, [])


def test_a_url_that_apprise_does_not_know_is_refused_without_the_url() -> None:
    with pytest.raises(Invalid) as error:
        AppriseReceiver(f"carrier-pigeon://{PASSWORD}@loft")
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize("answer", [{"text": "Ok"}, {"text": "👍"}])
def test_the_answer_to_the_message_acknowledges_the_alarm(db: Database, answer: dict[str, str]) -> None:
    identity = open_alarm(db, whatsapp(db))
    (sent,) = list_messages(db)
    assert (sent.reference, sent.template, sent.state, sent.lane) == (identity, "operator_alarm", "waiting", "default")
    deliver_webhooks(db, inbound_webhook("Ok", "wamid.1", n=8))  # of another person
    deliver_webhooks(db, inbound_webhook("What is this?", "wamid.2", n=7))
    assert list_alarms(db)[0].state == "open"
    deliver_webhooks(db, inbound_webhook(answer["text"], "wamid.3", n=7))
    assert (list_alarms(db)[0].state, list_alarms(db)[0].acknowledged_by) == ("acknowledged", "WhatsApp")
    close_alarm(db, whatsapp(db))
    assert len(list_messages(db)) == 1  # the end of an alarm is no message


def test_a_source_that_does_not_answer_stops_no_other(db: Database) -> None:
    def away(goals: Goals) -> Iterator[Reading]:
        raise Unavailable("Redis does not answer")

    run(db, 5, sources=(away,))
    assert [(each.goal, each.value) for each in list_goals(db)] == [("beat", 5)]


def test_a_disk_that_cannot_be_looked_at_stops_no_other_goal(db: Database) -> None:
    for folder in (ROOT / "missing", ROOT / ("f" * 300)):  # the second fails as a stale NFS or a closed folder does
        run(db, 5, sources=(partial(measure_disk, folder=folder, host="worker-1"),))
    assert [each.goal for each in list_goals(db)] == ["beat"]


def test_the_memory_of_redis_and_the_disk_are_measured(db: Database, redis_client: redis.Redis) -> None:
    redis_client.config_set("maxmemory", "64mb")
    disk = partial(measure_disk, folder=ROOT, host="worker-1")
    run(db, None, sources=(partial(measure_redis, connection=redis_client), disk))
    found = {(each.goal, each.subject): each for each in list_goals(db)}
    assert found.keys() == {("beat", ""), ("disk", "worker-1"), ("redis-memory", "")}
    assert 0 < (found["redis-memory", ""].value or 0) < 0.5
    assert 0 < (found["disk", "worker-1"].value or 0) <= 1


def test_one_process_has_the_round(db: Database) -> None:
    one, other = (Rounds(db, name, lambda _: 60.0) for name in ("one", "other"))
    assert AlarmRound(db, one, GOALS, (), ()).run()
    assert AlarmRound(db, other, GOALS, (), ()).run() is None
