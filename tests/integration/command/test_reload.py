"""`harkara reload` asks every process that runs, and reports the answer of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import redis

from harkara.ledger.database import Database
from harkara.ledger.identity import live_processes
from harkara.pairing import Pairing
from harkara.redis_client import connect
from harkara.reload_requests import REQUEST, ReloadAnswer, ReloadRequests
from harness.valkey import ValkeyServer
from harness.waiting import wait_until
from tests.integration.command.deployment import Harkara


@pytest.fixture
def lanes_file(environment: dict[str, str], redis_server: ValkeyServer) -> Path:
    environment["HARKARA_REDIS_URL"] = redis_server.url
    return Path(environment["HARKARA_LANES_FILE"])


@pytest.fixture
def connection(redis_server: ValkeyServer) -> Iterator[redis.Redis]:
    with connect(redis_server.url, seconds=2) as client:
        yield client


def test_it_reports_each_process_and_exits_with_1_when_one_goes_on_with_its_former_files(
    harkara: Harkara, ledger: Database, lanes_file: Path, connection: redis.Redis
) -> None:
    lanes_file.write_text('[default]\nallowance = "7/60s"\n')
    answers = {
        "web": ReloadAnswer("web", ("lanes.toml",)),
        "worker": ReloadAnswer("worker", problem="words.toml: cannot be read", restart=True),
    }
    with ThreadPoolExecutor() as threads, closing(Processes(ledger, connection, answers)) as processes:
        done = threads.submit(processes.answer_one_request)
        result = harkara("reload", "--json")
        done.result(timeout=60)
    assert result.exit_code == 1
    found = {each["kind"]: each for each in json.loads(result.stdout)["processes"]}
    assert found["web"]["changed"] == ["lanes.toml"]
    assert found["worker"]["problem"] == "words.toml: cannot be read"
    assert (found["web"]["restart"], found["worker"]["restart"]) == (False, True)


def test_a_mistake_in_a_file_stops_the_command_before_any_process_is_asked(
    harkara: Harkara, ledger: Database, lanes_file: Path, connection: redis.Redis
) -> None:
    lanes_file.write_text('[default]\nallowence = "7/60s"\n')
    for words in (("reload",), ("reload", "--check")):
        result = harkara(*words)
        assert result.exit_code == 1
        assert "allowence" in result.stderr
    assert connection.get(REQUEST) is None


def test_without_a_process_the_files_are_read_at_the_next_start(
    harkara: Harkara, ledger: Database, lanes_file: Path
) -> None:
    result = harkara("reload")
    assert (result.exit_code, "No process runs" in result.stderr) == (0, True)
    assert harkara("reload", "--check").stderr == "The files are valid.\n"


def test_without_redis_it_exits_with_5_and_names_the_next_step(harkara: Harkara, ledger: Database) -> None:
    result = harkara("reload")
    assert (result.exit_code, "run the command again" in result.stderr) == (5, True)


class Processes:
    """Two processes of a deployment: they are registered in the ledger, and answer as they are given."""

    def __init__(self, db: Database, connection: redis.Redis, answers: dict[str, ReloadAnswer]) -> None:
        self._requests = {kind: ReloadRequests(connection) for kind in answers}
        self._pairings = {kind: Pairing(db, connection, kind) for kind in answers}
        self._answers = answers
        for pairing in self._pairings.values():
            pairing.start()
        assert {each.name for each in live_processes(db)} == {each.name for each in self._pairings.values()}

    def answer_one_request(self) -> None:
        for kind, requests in self._requests.items():
            wait_until(requests.pending, 60, "a request waits")
            request = requests.pending()
            assert request
            requests.answer(request, self._pairings[kind].name, self._answers[kind])

    def close(self) -> None:
        for pairing in self._pairings.values():
            pairing.close()
