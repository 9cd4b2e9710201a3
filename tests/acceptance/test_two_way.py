"""Messages end as Chat Mitra's webhooks tell, whoever dies meanwhile; the sandbox sends these to the web door."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from harkara import Envelope
from harkara.inbound.values import digest
from harkara.intake.stream import WEBHOOKS
from harkara.ledger.tables import event, message
from harkara.redis_client import connect
from harkara.states import State
from harness.postgres import PostgresServer
from harness.process import Process
from harness.valkey import ValkeyServer
from tests.acceptance.caller import DOOR, post
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.mail import CATEGORIES, mails
from tests.acceptance.promises import Fate
from tests.acceptance.test_database_harm import killed

KILLED = 40
"""Messages whose worker dies when it has read Chat Mitra's answer and not recorded it."""

STEPS = 3
"""Events of each message: sent, delivered, read."""

READ = Fate(1, "read")


def test_everything_is_read_by_its_own_webhooks_and_by_no_others(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """They come twice and in any order, and people write to the same customers in the dashboard, in the same words."""
    letters = mails(60, CATEGORIES)
    replies = [letter for letter in letters if letter.category == "reply"]
    disorder = {"SANDBOX_WEBHOOK_DUPLICATE_SHARE": "0.3", "SANDBOX_WEBHOOK_REORDER_SHARE": "0.3"}
    with two_way(tmp_path, redis_server, database_url, letters, **disorder) as harkara:
        harkara.start_workers(2)
        harkara.start_beat()
        for reply in replies:
            harkara.sandbox.staff(reply.to, "One moment, please.")
        harkara.hand_over(letters[::2])
        sent = letters[::2] + [post(harkara.web, letter) for letter in letters[1::2]]
        harkara.wait(lambda: ids(harkara).keys() >= {reply.to for reply in replies}, "events gave ours their ids")
        for reply in replies:
            harkara.sandbox.staff(reply.to, reply.body()["message"])
        wait_read(harkara, 60)
        harkara.wait(lambda: harkara.sandbox.has_told_all, "the sandbox has told all")
        told = harkara.sandbox.webhooks()["counts"]
        assert (told["answered"], told["by_answer"]) == (told["total"], {"200": told["total"]})
        assert told["duplicates"] > 0
        verdict = harkara.examine(sent)
        verdict.assert_kept()
        assert set(verdict.fates.values()) == {READ}
        requests = harkara.sandbox.requests()
        assert ids(harkara) == {one["recipient"]: digest(one["messages"][0]["message_id"]) for one in requests}
        harkara.wait(lambda: folded(harkara).total() == 60 * STEPS, "every event of ours is folded")
        assert set(folded(harkara).values()) == {STEPS}


def test_what_a_killed_worker_left_uncertain_is_settled_by_evidence_within_a_minute(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """The events come only when the lease is over."""
    letters = mails(KILLED, ("reply", "utility", "marketing"))
    with two_way(tmp_path, redis_server, database_url, letters, SANDBOX_SENT_AFTER_MS="25000") as harkara:
        die_before_the_record(harkara, letters)
        harkara.start_worker()
        harkara.wait(lambda: uncertain(harkara) == KILLED, "all of them are uncertain")
        begun = time.monotonic()
        harkara.wait(lambda: uncertain(harkara) <= KILLED * 0.05, "webhooks settle them", 60)
        print(f"{KILLED - uncertain(harkara)} of {KILLED} settled in {time.monotonic() - begun:.1f} s")
        harkara.wait(lambda: harkara.sandbox.has_told_all, "the sandbox has told all")
        verdict = harkara.wait_for(letters)
        verdict.assert_kept(uncertain=int(KILLED * 0.05))
        assert set(verdict.states) <= {State.READ, State.DELIVERED, State.SENT, State.UNCERTAIN}
        assert harkara.sandbox.counts()["accepted"] == KILLED, "nothing went out twice"


def test_what_a_killed_worker_left_is_never_uncertain_where_webhooks_were_faster_than_the_sweep(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    letters = mails(8, CATEGORIES)
    with two_way(tmp_path, redis_server, database_url, letters) as harkara:
        die_before_the_record(harkara, letters, HARKARA_READ_TIMEOUT="20")  # which makes its lease longer
        worker = harkara.start_worker()
        wait_read(harkara, 8)
        verdict = harkara.examine(letters)
        verdict.assert_kept()
        assert set(verdict.fates.values()) == {READ}, "no code went out twice"
        assert State.UNCERTAIN not in {step["event"] for each in letters for step in harkara.status(each)["trace"]}
        assert "Traceback" not in worker.output()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_webhooks_are_silent_about_goes_once_more_and_what_they_tell_of_does_not(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Chat Mitra lost the first, took the second and never answered, and took the third and answered half."""
    lost, mute, half, other = letters = mails(4)
    with two_way(tmp_path, redis_server, database_url, letters) as harkara:
        playbook = tmp_path / "playbook.toml"
        playbook.write_text(playbook.read_text().replace("{ after = [60], evidence", "{ after = [10], evidence"))
        harkara.start_worker()
        met(harkara, lost, "never_answer_unprocessed_share")
        met(harkara, mute, "never_answer_share")
        met(harkara, half, "half_answer_share")
        harkara.hand_over([other])
        wait_read(harkara, 4)
        verdict = harkara.wait_for(letters)
        verdict.assert_kept()
        again = verdict.fates.pop(lost.id)
        assert again == Fate(1, "read", maybe_duplicate=True)
        assert set(verdict.fates.values()) == {READ}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_every_webhook_that_was_answered_for_is_folded_whatever_dies(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str, postgres_server: PostgresServer
) -> None:
    """The web door twice, and the database for some seconds, in which Redis keeps what comes."""
    letters = mails(300, ("reply", "utility", "marketing"))
    patience = {"SANDBOX_WEBHOOK_RETRY_MS": "8000", "HARKARA_DATABASE_PATIENCE": "1", "HARKARA_THREADS": "8"}
    with two_way(tmp_path, redis_server, database_url, letters, **patience) as harkara:
        _, web = harkara.processes
        redis = connect(redis_server.url, seconds=3)
        harkara.sandbox.faults(latency_ms=100)
        harkara.start_worker()
        harkara.hand_over(letters)
        harkara.wait_accepted(60)
        web = killed_and_started(harkara, web)
        harkara.wait_accepted(120)
        with killed(postgres_server):
            for letter in letters[:20]:
                harkara.sandbox.customer(letter.to, text="Thank you.")
            harkara.wait(lambda: redis.xlen(WEBHOOKS) > 20, "Redis keeps webhooks")
            killed_and_started(harkara, web)
        wait_read(harkara, 300)
        harkara.wait(lambda: harkara.sandbox.has_told_all, "the sandbox has told all")
        told = harkara.sandbox.webhooks()["counts"]
        assert told["answered"] == told["total"] == 300 * STEPS + 20
        assert told["by_answer"].keys() > {"200"}, "some had to be told once more"
        harkara.wait(lambda: folded(harkara).total() == 300 * STEPS + 20, "every event is folded")
        harkara.examine(letters).assert_kept()


@contextmanager
def two_way(
    folder: Path, redis: ValkeyServer, database_url: str, letters: Sequence[Envelope], **settings: str
) -> Iterator[Deployment]:
    """With a web door that hears the sandbox, and open windows; messages are soon sent, delivered and read."""
    soon = {"SANDBOX_SENT_AFTER_MS": "200", "SANDBOX_DELIVERED_AFTER_MS": "200", "SANDBOX_READ_AFTER_MS": "200"}
    hearing = {"CHATMITRA_WEBHOOK_SECRET": "secret-of-the-webhooks", **DOOR}
    with deployment(folder, redis, database_url, **{**hearing, **soon, **settings}) as harkara:
        harkara.start_web()
        harkara.customers_write(letter.to for letter in letters)
        yield harkara


def die_before_the_record(harkara: Deployment, letters: Sequence[Envelope], **settings: str) -> None:
    """At K4: Chat Mitra has them all and has said so, which its worker takes to its grave."""
    harkara.hand_over(letters)
    doomed = harkara.start_worker(ready=False, clock=0, HARKARA_KILL_AT=f"K4*{len(letters)}", **settings)
    doomed.wait_killed()
    assert harkara.sandbox.counts()["accepted"] == len(letters)


def killed_and_started(harkara: Deployment, web: Process) -> Process:
    web.kill()
    time.sleep(1)
    return harkara.start_web()


def met(harkara: Deployment, letter: Envelope, fault: str) -> None:
    """Sends the message into this fault, which nothing else meets."""
    harkara.sandbox.faults(**{fault: 1})
    harkara.hand_over([letter])
    harkara.wait(lambda: harkara.sandbox.requests(letter.to), "the sandbox has it")
    harkara.sandbox.faults(**{fault: 0})


def wait_read(harkara: Deployment, number: int) -> None:
    harkara.wait(lambda: harkara.states() == {State.READ: number}, f"all {number} are read")


def uncertain(harkara: Deployment) -> int:
    return harkara.states()[State.UNCERTAIN]


def ids(harkara: Deployment) -> dict[str, str]:
    """WhatsApp's ids as the ledger keeps them, by recipient."""
    with harkara.ledger.read() as tx:
        found = tx.rows(select(message.c.recipient, message.c.whatsapp_id).where(message.c.whatsapp_id.is_not(None)))
    return {row["recipient"]: row["whatsapp_id"] for row in found}


def folded(harkara: Deployment) -> Counter[str | None]:
    """How many events were folded into each message; what customers wrote goes into none."""
    with harkara.ledger.read() as tx:
        return Counter(
            row["message_id"] for row in tx.rows(select(event.c.message_id).where(event.c.state == "folded"))
        )
