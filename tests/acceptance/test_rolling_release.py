"""An upgrade without a pause: processes of the previous release and of this one, and a schema of the next one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from harkara import Envelope
from harkara.ledger import migrate
from harkara.ledger.previous_release import REVISION
from harkara.ledger.process_reports import live_reports
from harness.ports import free_port
from harness.postgres import PostgresServer
from harness.previous_release import HistoryUnavailable, PreviousRelease, previous_release
from harness.process import Process
from harness.valkey import ValkeyServer
from harness.waiting import wait_until
from tests.acceptance import http_client
from tests.acceptance.deployment import WEB_READY, Deployment, deployment, unmigrated_deployment
from tests.acceptance.messages import CATEGORIES, new_messages


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> PreviousRelease:
    try:
        release = previous_release(tmp_path_factory.mktemp("previous"))
    except HistoryUnavailable as error:
        pytest.skip(str(error))
    if missing := release.missing_packages:
        pytest.skip(f"{release.name} needs packages that this environment lacks: {', '.join(missing)}")
    return release


class TwoReleases:
    """A deployment with processes of both releases, each with an HTTP API."""

    def __init__(self, harkara: Deployment, previous: PreviousRelease) -> None:
        self.harkara = harkara
        self.previous = previous
        self.envelopes: list[Envelope] = []

    def start_previous(self, name: str, *arguments: str, **settings: str) -> Process:
        process = self.previous.start(name, list(arguments), self.harkara.settings | settings, self.harkara.folder)
        self.harkara.processes.append(process)
        return process

    def hand_over(self, web: str, number: int = 20) -> None:
        """Send messages through Redis, with the client of this release, and over the HTTP API of either."""
        through_redis = new_messages(number, CATEGORIES)
        with self.harkara.client() as client:
            client.send_many(through_redis)
        self.envelopes += through_redis
        self.envelopes += [http_client.send(web, each) for each in new_messages(number, CATEGORIES)]

    def assert_sent(self, envelopes: Sequence[Envelope]) -> None:
        """Check that each message is sent once, and that the audit of the ledger is clean."""
        verdict = self.harkara.wait_verdict(envelopes)
        verdict.assert_kept()
        assert verdict.states == {"accepted": len(envelopes)}

    def doctor(self) -> tuple[int, str]:
        """Return the exit status of `harkara doctor`, and its output on one line."""
        process = self.harkara.start("doctor", "harkara", "doctor", COLUMNS="400")
        return process.popen.wait(60), " ".join(process.output().split())


def test_the_previous_release_is_the_one_that_is_written_down(previous: PreviousRelease) -> None:
    assert previous.newest_migration == REVISION, "write tag and migration into harkara/ledger/previous_release.py"


def test_an_upgrade_needs_no_pause(
    tmp_path: Path, redis_server: ValkeyServer, postgres_server: PostgresServer, previous: PreviousRelease
) -> None:
    url = postgres_server.create_database(f"t{uuid4().hex}")
    with unmigrated_deployment(tmp_path, redis_server, url, **http_client.API_TOKENS) as harkara:
        both = TwoReleases(harkara, previous)
        assert both.start_previous("old-migrate", "workers.migrate").popen.wait(60) == 0
        assert migrate.revision(harkara.ledger) == REVISION
        old_port = free_port()
        old = [
            both.start_previous("old-web", "workers.web", PORT=str(old_port)),
            both.start_previous("old-worker", "celery", "-A", "workers.sender", "worker", "-n", "old@%h"),
        ]
        old[0].wait_for_output(WEB_READY)
        old[1].wait_for_output("ready.")

        # Before the migration: this release refuses to start, and takes nothing away from the previous one.
        early = [harkara.start_worker(ready=False), harkara.start_web(ready=False)]
        for process in early:
            assert process.popen.wait(60) == os.EX_CONFIG
            assert f"it has {REVISION}; missing: 0028" in process.output()
            assert "run `python -m workers.migrate`" in process.output()
        status, found = both.doctor()
        assert status == 1
        assert "migration 0028" in found
        assert "go on during the migration: restart each one after it" in found

        assert harkara.start("migrate", "workers.migrate").popen.wait(60) == 0
        assert migrate.at_head(harkara.ledger)
        both.hand_over(f"http://127.0.0.1:{old_port}")
        both.assert_sent(both.envelopes)  # by the previous release alone, in the schema of this one

        harkara.start_web()
        harkara.start_worker()
        assert "processes of several releases run" in both.doctor()[1]
        both.hand_over(f"http://127.0.0.1:{old_port}")
        both.hand_over(harkara.web)
        both.assert_sent(both.envelopes)

        assert old[1].terminate() == 0
        old[0].terminate()
        wait_until(lambda: all(each.release for each in live_reports(harkara.ledger)), 60, "the old ones are forgotten")
        assert f"all processes run 0.1.0 (schema {migrate.head()})" in both.doctor()[1]
        both.hand_over(harkara.web)
        both.assert_sent(both.envelopes)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_goes_on_with_the_schema_of_the_next_release_and_ends_at_the_one_after(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    with deployment(tmp_path, redis_server, database_url) as harkara:
        worker = harkara.start_worker()
        migrated_by(harkara, oldest=migrate.head())
        worker.wait_for_output("newer schema found")
        harkara.start_worker().wait_for_output("newer schema found")
        harkara.deliver(new_messages(10)).assert_kept()
        migrated_by(harkara, oldest="9998")
        assert worker.popen.wait(60) == 1
        assert "the database has the schema of a newer release, 9999" in worker.output()
        refused = harkara.start_worker(ready=False)
        assert refused.popen.wait(60) == os.EX_CONFIG
        assert f"python -m workers.migrate --to {migrate.head()}" in refused.output()


def migrated_by(harkara: Deployment, *, oldest: str) -> None:
    """Let the database have the schema 9999 of a later release, with which the release of `oldest` works."""
    with harkara.ledger.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        tx.execute(text("UPDATE identity SET oldest_revision = :oldest"), {"oldest": oldest})
