"""A new timeline of PostgreSQL: no POST goes out before it is clear that the ledger has all earlier ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import redis
from sqlalchemy import delete, select, update

from harkara.chatmitra.api import ChatMitra
from harkara.delivery.begun_posts import KEY, TIMELINE, BegunPosts
from harkara.delivery.lease_times import Leases
from harkara.delivery.pool import Pool
from harkara.delivery.sender import Sender
from harkara.delivery.timeline_fence import TimelineFence
from harkara.errors import Conflict, Unavailable
from harkara.health.ledger_checks import ledger_checks
from harkara.lanes import Lane, QuietHours
from harkara.ledger.database import Database
from harkara.ledger.halts import FAILOVER, RESTORED, list_halts
from harkara.ledger.history import delete_history
from harkara.ledger.identity import ProcessNeeds, current_time, ledger_identity, register
from harkara.ledger.messages.begin import BeginRequest
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.ledger.restore import settle_restored
from harkara.ledger.tables import attempt, identity, message
from harkara.ledger.timeline import read_timelines, store_timeline
from harkara.limits.limiter import Limiter
from harkara.messages import Envelope
from harness.ledger import migrated
from harness.postgres import PostgresServer, postgres
from tests.integration.conftest import empty
from tests.integration.delivery.running import PLAYBOOK
from tests.integration.ledger.steps import (
    ACCEPTED,
    accept_messages,
    claim_messages,
    marketing,
    record_outcome,
    reply,
    row,
    run_sweep,
    states_of,
    unpark,
    update_message,
)

LANES = ("default", "shop")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server whose recovery from an archive finds nothing there, and so ends with all that it has itself."""
    with postgres("-c", "fsync=off", "-c", "restore_command=false", "-c", "hot_standby=off") as running:
        yield running


@pytest.fixture(scope="module")
def url(server: PostgresServer) -> str:
    return migrated(server.create_database("ledger"))


@pytest.fixture
def own_db(url: str) -> Iterator[Database]:
    database = Database(url, connections=4)
    empty(database)
    ledger_identity(database)  # its row
    yield database
    database.close()


def promote(server: PostgresServer) -> None:
    """Restart on a new timeline, with every commit."""
    server.stop()
    (server.folder / "recovery.signal").touch()
    server.start()


class Worker:
    """A process that begins POSTs, with its fence."""

    def __init__(
        self, db: Database, connection: redis.Redis, name: str, hold_seconds: float, history_seconds: float | None
    ) -> None:
        self.fence = TimelineFence(db, BegunPosts(connection), name, LANES, hold_seconds, history_seconds)
        self.commit = GroupCommit(db, lambda result: None, fence=self.fence)
        self._db = db

    def begin(self, claimed: Claimed | None = None) -> Claimed:
        """Begin a message, a new one by default. Raises Unavailable when it may not be POSTed."""
        claimed = claimed or claim_new(self._db)
        assert self.commit.begin(BeginRequest(claimed, "worker", "passed", 30))
        return claimed


def claim_new(db: Database, envelope: Envelope | None = None) -> Claimed:
    """Claim a message for longer than a server takes to restart."""
    (claimed,) = claim_messages(db, *accept_messages(db, envelope or reply()), lease_seconds=3600)
    return claimed


@contextmanager
def worker(
    db: Database,
    connection: redis.Redis,
    name: str = "first",
    *,
    hold_seconds: float = 30,
    history_seconds: float | None = None,
) -> Iterator[Worker]:
    running = Worker(db, connection, name, hold_seconds, history_seconds)
    yield running
    running.commit.close()


@contextmanager
def sender(db: Database, connection: redis.Redis, of: Worker) -> Iterator[Sender]:
    """The sender of a worker, in quiet hours and without an API."""
    now, pool = datetime.now(UTC), Pool(2)
    quiet = QuietHours((now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time(), ZoneInfo("UTC"))
    yield Sender(
        db,
        of.commit,
        pool,
        {"default": Lane("default", "token", None, quiet)},
        Limiter(connection, lambda lane, booking: []),
        ChatMitra("http://127.0.0.1:1/send_message"),
        PLAYBOOK,
        worker=lambda until: "worker",
        leases=Leases(),
        fence=of.fence,
    )
    pool.close()


def halts(db: Database) -> list[tuple[str, str]]:
    return [(halt.lane, halt.code) for halt in list_halts(db)]


def lose_attempt(db: Database, lost: Claimed, state: str = "claimed") -> None:
    """Remove the attempt, as if its commit had not reached the promoted standby."""
    with db.write() as tx:
        tx.execute(delete(attempt).where(attempt.c.message_id == lost.id))
        tx.execute(update(message).where(message.c.id == lost.id).values(state=state, tries=0))


def store(db: Database, timeline: str) -> None:
    with db.write() as tx:
        tx.execute(update(identity).values(timeline=timeline))


def stored(db: Database) -> str | None:
    with db.read() as tx:
        return tx.execute(select(identity.c.timeline)).scalar()


def test_a_promoted_standby_with_every_post_goes_on_by_itself(
    server: PostgresServer, own_db: Database, redis_client: redis.Redis
) -> None:
    with worker(own_db, redis_client) as first, worker(own_db, redis_client, "second") as second:
        first.begin()
        second.begin()
        before = redis_client.hget(KEY, TIMELINE)
        own_db.close()  # its connections lead to the server that ends
        promote(server)
        hinted = accept_messages(own_db, reply())
        with sender(own_db, redis_client, first) as sending:
            assert [claimed.id for claimed in sending.claim(hinted)] == hinted
        first.begin()
        second.begin()
        assert halts(own_db) == []
        assert redis_client.hget(KEY, TIMELINE) == stored(own_db) != before


@pytest.mark.parametrize("own", [True, False], ids=["its own POST", "another worker's POST"])
def test_after_a_failover_that_lost_a_post_no_message_is_sent_until_an_operator_has_decided(
    server: PostgresServer, own_db: Database, redis_client: redis.Redis, own: bool
) -> None:
    with worker(own_db, redis_client) as first, worker(own_db, redis_client, "second") as second:
        second.begin()
        claimed_before = [claim_new(own_db) for _ in range(2)]
        lost = first.begin()
        own_db.close()
        promote(server)
        lose_attempt(own_db, lost)
        record_outcome(own_db, lost, ACCEPTED)  # its own answer still comes, and says nothing of earlier POSTs
        for each in claimed_before:
            with pytest.raises(Unavailable, match="harkara recover"):
                (first if own else second).begin(each)
        assert halts(own_db) == [(lane, FAILOVER) for lane in LANES]
        with pytest.raises(Conflict, match="harkara recover"):
            unpark(own_db, "default")
    settle_restored(own_db, LANES, by="Asha")
    BegunPosts(redis_client).forget()
    store_timeline(own_db)
    for lane in LANES:
        unpark(own_db, lane)
    with worker(own_db, redis_client, "third") as third:
        third.begin()


def test_a_lost_post_that_is_claimed_and_begun_again_is_no_evidence_of_the_first(
    server: PostgresServer, own_db: Database, redis_client: redis.Redis
) -> None:
    """Its claim was lost as well, so the second attempt has the same epoch."""
    with worker(own_db, redis_client) as first:
        lost = first.begin()
        own_db.close()
        promote(server)
        lose_attempt(own_db, lost)
        update_message(own_db, lost.id, state="waiting", epoch=0, claims=0)
        (again,) = claim_messages(own_db, lost.id)
        assert again.epoch == lost.epoch
        with pytest.raises(Unavailable, match="harkara recover"):
            first.commit.begin(BeginRequest(again, "worker", "passed", 30))
        assert halts(own_db) == [(lane, FAILOVER) for lane in LANES]


def test_what_was_sent_and_lost_moves_nowhere_before_an_operator_has_decided(
    server: PostgresServer, own_db: Database, redis_client: redis.Redis
) -> None:
    """A gate would let it wait for the end of quiet hours, and the sweep would cancel it as expired."""
    hour = timedelta(hours=1)
    hint, late = {"lease_until": datetime.now(UTC) + hour}, {"expires_at": datetime.now(UTC) - hour}
    with (
        worker(own_db, redis_client, hold_seconds=0) as first,
        sender(own_db, redis_client, first) as sending,
    ):
        quiet, hinted, waiting = (first.begin(claim_new(own_db, each)) for each in (marketing(1), reply(2), reply(3)))
        lost = [quiet.id, hinted.id, waiting.id]
        own_db.close()
        promote(server)
        for each, state, values in (
            (quiet, "queued", hint),
            (hinted, "queued", hint | late),
            (waiting, "waiting", late),
        ):
            lose_attempt(own_db, each, state)
            update_message(own_db, each.id, epoch=0, claims=0, **values)
        seen = shown(own_db, lost)
        run_sweep(own_db)
        assert (shown(own_db, lost), halts(own_db)) == (seen, []), "nothing has compared the POSTs yet"
        for _ in range(2):  # on the new timeline, and in lanes that are parked
            sending.send(lost)
            run_sweep(own_db)
            assert (shown(own_db, lost), halts(own_db)) == (seen, [(lane, FAILOVER) for lane in LANES])
    assert settle_restored(own_db, LANES, by="Asha") == 3
    assert states_of(own_db, lost) == ["uncertain"] * 3


def test_a_post_that_the_history_has_deleted_is_not_missing(own_db: Database, redis_client: redis.Redis) -> None:
    """Of each lane it leaves the last POST, which is that of one worker."""
    everything = -60.0
    with worker(own_db, redis_client) as first, worker(own_db, redis_client, "second") as second:
        for each in (first, second):
            claimed = each.begin()
            record_outcome(own_db, claimed, ACCEPTED)
            update_message(own_db, claimed.id, expires_at=claimed.claimed_at)
    assert sum(delete_history(own_db, everything), Counter())["message"] == 1
    with worker(own_db, redis_client, "third", history_seconds=everything) as third:
        third.begin()
    assert halts(own_db) == []


def shown(db: Database, ids: Sequence[str]) -> list[tuple[str, datetime, int]]:
    """Return the state of each message, when it is due, and how often it was claimed."""
    return [(found["state"], found["due_at"], found["claims"]) for found in (row(db, each) for each in ids)]


@pytest.mark.parametrize(("revision", "parked"), [(None, True), ("0035", True), ("0036", False)])
def test_a_new_timeline_beside_a_worker_that_notes_no_posts_parks_the_lanes(
    own_db: Database, redis_client: redis.Redis, revision: str | None, parked: bool
) -> None:
    """The ledger has every POST that is known, but a worker of an earlier release may have made later ones."""
    with worker(own_db, redis_client) as first:
        first.begin()
    needs = ProcessNeeds("1.0", revision, 8) if revision else None
    register(own_db, "another", "redis", current_time(own_db), needs=needs)
    store(own_db, "00000000")
    with worker(own_db, redis_client, "second") as second:
        second.fence.check()
    assert halts(own_db) == ([(lane, FAILOVER) for lane in LANES] if parked else [])


def test_a_worker_that_starts_on_a_restored_ledger_parks_its_lanes(own_db: Database, redis_client: redis.Redis) -> None:
    with worker(own_db, redis_client) as first:
        lose_attempt(own_db, first.begin())
    claimed_before = claim_new(own_db)
    with worker(own_db, redis_client, "second") as second:
        second.fence.check()
        assert halts(own_db) == [(lane, RESTORED) for lane in LANES]
        with pytest.raises(Unavailable, match="harkara recover"):
            second.begin(claimed_before)


def test_with_an_emptied_redis_a_new_timeline_parks_the_lanes(own_db: Database, redis_client: redis.Redis) -> None:
    store(own_db, "00000000")
    claimed_before = claim_new(own_db)
    with worker(own_db, redis_client) as first, pytest.raises(Unavailable, match="harkara recover"):
        first.begin()
    assert halts(own_db) == [(lane, FAILOVER) for lane in LANES]
    with worker(own_db, redis_client, "second") as second, pytest.raises(Unavailable, match="harkara recover"):
        second.begin(claimed_before)


def test_an_emptied_redis_alone_stops_nothing(own_db: Database, redis_client: redis.Redis) -> None:
    with worker(own_db, redis_client) as first:
        first.begin()
        redis_client.flushall()
        first.begin()
        assert redis_client.hget(KEY, TIMELINE) == stored(own_db)
        assert halts(own_db) == []


def test_a_worker_on_a_replaced_primary_makes_no_post(own_db: Database, redis_client: redis.Redis) -> None:
    with worker(own_db, redis_client) as first:
        first.begin()
        redis_client.hset(KEY, TIMELINE, "000000FF")  # another worker has found the promoted standby
        known = redis_client.hgetall(KEY)
        with pytest.raises(Unavailable, match="replaced by a promoted standby"):
            first.begin()
        assert redis_client.hgetall(KEY) == known, "a POST that is not made is no evidence"
        assert halts(own_db) == []


def test_no_post_is_made_while_redis_does_not_answer(own_db: Database, redis_client: redis.Redis) -> None:
    with worker(own_db, redis_client) as first:
        first.begin()
        redis_client.delete(KEY)
        redis_client.set(KEY, "no hash")  # every command on it is refused
        with pytest.raises(Unavailable, match="Redis did not note a POST"):
            first.begin()
        redis_client.delete(KEY)
        first.begin()


def test_a_post_of_a_process_that_ended_long_before_the_others_is_forgotten(
    own_db: Database, redis_client: redis.Redis
) -> None:
    with worker(own_db, redis_client) as first:
        first.begin()
    redis_client.hset(KEY, "ended", "1000 unknown 2026-11-30T10:00:00+00:00")
    with worker(own_db, redis_client, "second") as second:
        second.begin()
        assert set(redis_client.hkeys(KEY)) == {TIMELINE, "first", "second"}
        assert halts(own_db) == []


def test_a_user_without_the_right_has_no_fence_and_the_doctor_says_so(
    server: PostgresServer, own_db: Database, redis_client: redis.Redis
) -> None:
    name = str(own_db.url.database)
    with server.connect(name) as admin:
        admin.execute("CREATE ROLE plain LOGIN")
        admin.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain")
        admin.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO plain")
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) FROM PUBLIC")  # not from the tests' superuser
    plain = Database(str(own_db.url.set(username="plain")))
    with worker(plain, redis_client) as first:
        first.begin()
    assert read_timelines(plain) is None
    assert not redis_client.exists(KEY)
    (found,) = [check for check in ledger_checks(plain, {}, 900) if check.name == "timeline"]
    assert "does not say its timeline" in found.found
    (known,) = [check for check in ledger_checks(own_db, {}, 900) if check.name == "timeline"]
    assert known.found == f"{read_timelines(own_db).current} of PostgreSQL"  # type: ignore[union-attr]
    plain.close()
