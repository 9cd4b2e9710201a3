"""The assistant in real processes: one answer to a burst, none after a person or a STOP, one after a crash."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from harkara.assistant.breaker import FAILURES
from harkara.ledger.alarms.alarms import list_alarms
from harkara.ledger.audit import audit
from harkara.ledger.conversations.people import find_participant
from harkara.ledger.model_halt import read_breaker
from harkara.ledger.tables import halt, lease, turn
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.http_client import API_TOKENS, request
from tests.acceptance.messages import new_message

RULES = """
lanes = ["default"]
mode = "live"
debounce = "2s"
"""
MODEL = """
[model]
url = "{url}/v1"
name = "stand-in"
timeout = "30s"
prompt = "You answer for {{business}}, {{tone}}."
"""
GOALS = """
open-after = "1s"
close-after = "1s"
[assistant-model]
most = "1s"
"""
SETTINGS = {**API_TOKENS, "CHATMITRA_WEBHOOK_SECRET": "secret-of-the-webhooks"}
MINUTE = timedelta(minutes=1)
HOURS = "We are open Monday to Saturday, 10:00 to 19:00. On Sundays we are closed."
"""An answer of config/faq.toml."""


ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@pytest.fixture
def harkara(tmp_path: Path, redis_server: ValkeyServer, database_url: str) -> Iterator[Deployment]:
    rules = tmp_path / "assistant.toml"
    files = {"HARKARA_ASSISTANT_FILE": str(rules), "HARKARA_GOALS_FILE": str(tmp_path / "goals.toml")}
    with deployment(tmp_path, redis_server, database_url, **SETTINGS, **files) as running:
        rules.write_text(RULES)
        running.start_web()
        yield running


@ON_POSTGRES
def test_a_burst_has_one_answer_and_none_follows_a_stop_or_a_person(harkara: Deployment) -> None:
    model = MODEL.format(url=harkara.sandbox.url)
    (harkara.folder / "assistant.toml").write_text(RULES + model)
    harkara.sandbox.set_faults(model_latency_ms=8000)  # what comes meanwhile is before its answer
    harkara.start_worker()
    asking, leaving, answered = (new_message().to for _ in range(3))
    for words in ("Hello", "What are your timings?", "what are your timings"):
        harkara.sandbox.write_as_customer(asking, text=words)
    harkara.wait_until(lambda: texts(harkara, asking), "the burst is answered")
    (first,) = texts(harkara, asking)
    assert first.startswith("🤖 I'm the assistant of our shop.")
    assert first.endswith(HOURS)
    harkara.sandbox.write_as_customer(asking, text="Where are you located?")
    harkara.wait_until(lambda: len(texts(harkara, asking)) > 1, "the second question is answered")
    assert harkara.sandbox.model_requests() == []

    start_to_think(harkara, leaving)
    harkara.sandbox.write_as_customer(leaving, text="STOP")
    start_to_think(harkara, answered)
    person = find_participant(harkara.ledger, answered).id
    request(f"{harkara.web}/conversations/{person}/reply", {"text": "I am here."})
    harkara.wait_until(lambda: outcomes(harkara, leaving) == ["superseded"], "the thought of one is over")
    harkara.wait_until(lambda: outcomes(harkara, answered) == ["superseded"], "the thought of the other is over")
    harkara.wait_until(lambda: texts(harkara, answered), "the person's reply is sent")
    assert texts(harkara, answered) == ["I am here."]
    assert texts(harkara, leaving) == []
    assert len(texts(harkara, asking)) == 2
    assert outcomes(harkara, asking) == ["sent", "sent"]
    assert audit(harkara.ledger).findings == []


@ON_SQLITE
def test_a_model_that_is_down_gives_the_customers_to_the_team_and_has_an_alarm_until_it_answers(
    harkara: Deployment,
) -> None:
    (harkara.folder / "assistant.toml").write_text(RULES + MODEL.format(url=harkara.sandbox.url))
    (harkara.folder / "goals.toml").write_text(GOALS)
    harkara.sandbox.set_faults(model_error_share=1)
    harkara.start_worker()
    customers = [new_message().to for _ in range(FAILURES)]
    for number in customers:
        harkara.sandbox.write_as_customer(number, text="Do you sell roses?")
    harkara.wait_until(lambda: all(texts(harkara, number) for number in customers), "each has the backup sentence")
    assert {tuple(texts(harkara, number)) for number in customers} == {("We are connecting you with our team.",)}
    assert read_breaker(harkara.ledger).state == "open"

    harkara.start("alarms", "tests.acceptance.alarm_process").wait_for_output("measuring")
    harkara.wait_until(lambda: alarms(harkara, open_only=True) == ["assistant-model"], "the alarm opens")
    harkara.sandbox.set_faults(model_error_share=0)
    with harkara.ledger.write() as tx:
        tx.execute(update(halt).values(until=tx.now))  # the first pause is over
    asking = new_message().to
    harkara.sandbox.write_as_customer(asking, text="Do you sell roses?")
    harkara.wait_until(lambda: read_breaker(harkara.ledger).state == "closed", "the probe succeeds")
    harkara.wait_until(lambda: alarms(harkara, open_only=True) == [], "the alarm closes")
    assert alarms(harkara, open_only=False) == ["assistant-model"]


@pytest.mark.parametrize(
    ("point", "database_url"),
    [("T0", "sqlite"), ("T1", "postgres"), ("T2", "sqlite"), ("T3", "postgres")],
    indirect=["database_url"],
)
def test_a_worker_killed_at_any_step_of_a_turn_leaves_one_answer(harkara: Deployment, point: str) -> None:
    to = new_message().to
    killed = harkara.start_worker(HARKARA_KILL_AT=point)
    harkara.sandbox.write_as_customer(to, text="Hello")
    harkara.wait_until(lambda: not killed.alive, f"the worker is killed at {point}")
    assert texts(harkara, to) == []
    harkara.start_worker()
    harkara.wait_until(lambda: texts(harkara, to), f"there is an answer after {point}")
    assert outcomes(harkara, to) == ["sent"]
    assert len(texts(harkara, to)) == 1
    assert audit(harkara.ledger).findings == []


def start_to_think(harkara: Deployment, number: str) -> None:
    """Let a customer ask, and wait until the model is asked."""
    before = len(harkara.sandbox.model_requests())
    harkara.sandbox.write_as_customer(number, text="Do you sell roses?")
    harkara.wait_until(lambda: len(harkara.sandbox.model_requests()) > before, "the model is asked")


def alarms(harkara: Deployment, *, open_only: bool) -> list[str]:
    """Return the goals of the alarms, after the next round of measurements may run at once."""
    with harkara.ledger.write() as tx:
        tx.execute(update(lease).where(lease.c.name == "goals").values(done_at=tx.now - MINUTE))
    return [each.goal for each in list_alarms(harkara.ledger, open_only=open_only)]


def texts(harkara: Deployment, number: str) -> list[str]:
    """Return what the sandbox was sent for this number."""
    return [each["body"]["message"] for each in harkara.sandbox.requests(number)]


def outcomes(harkara: Deployment, number: str) -> list[str]:
    """Return what became of the turns in the conversation with this number."""
    person = find_participant(harkara.ledger, number).id
    with harkara.ledger.read() as tx:
        query = select(turn.c.outcome).where(turn.c.person == person).order_by(turn.c.id)
        return list(tx.execute(query).scalars())
