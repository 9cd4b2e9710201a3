"""The account's rate limit, the history of requests, and its figures."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from tests.integration.sandbox.process import ASHA, TOKEN, Sandbox


def test_the_limit_holds_in_every_sliding_window(sandbox: Sandbox) -> None:
    sandbox.set(limit="5/0.4s")

    accepted = 0
    while accepted < 15:
        accepted += sandbox.send().status_code == 202
        time.sleep(0.005)

    counts = sandbox.counts(window=0.4)
    assert counts["most_in_window"] == 5
    assert counts["accepted"] == 15
    assert counts["by_outcome"]["refused_429"] == counts["refused"]


def test_each_token_has_its_own_limit(sandbox: Sandbox) -> None:
    sandbox.set(limit="1/60s")

    assert [sandbox.send(token=token).status_code for token in ("a", "b", "a", "b")] == [202, 202, 429, 429]


def test_a_refused_request_does_not_count_against_the_limit(sandbox: Sandbox) -> None:
    sandbox.set(limit="1/0.5s", retry_after=1.5)
    sandbox.send()
    started = time.monotonic()
    answer = sandbox.send()
    while answer.status_code == 429:
        assert answer.headers["Retry-After"] == "1.5"
        assert time.monotonic() - started < 30
        answer = sandbox.send()


def test_duplicates_have_the_same_recipient_and_content_in_any_key_order(sandbox: Sandbox) -> None:
    body = {"recipient_mobile_number": ASHA, "message": "Twice 📦"}
    jobs = [sandbox.post(body).json()["jobId"], sandbox.post(dict(reversed(body.items()))).json()["jobId"]]
    sandbox.send(message="Once")
    sandbox.send(to="919000000009", message="Twice 📦")
    sandbox.send(message="*refused*")
    sandbox.send(message="*refused*")

    counts = sandbox.counts()

    assert (counts["total"], counts["accepted"], counts["refused"], counts["duplicates"]) == (6, 4, 2, 1)
    (repeat,) = counts["duplicate_contents"]
    assert (repeat["count"], repeat["jobIds"]) == (2, jobs)
    assert repeat["content"] == sandbox.get("/_sandbox/requests", limit=6)["requests"][0]["content"]


def test_the_fullest_window_is_found_at_any_offset(sandbox: Sandbox) -> None:
    for pause in (0, 0.5, 0, 0, 0.5, 0):
        time.sleep(pause)
        sandbox.send()
    sandbox.send(message="*refused*")

    counts = sandbox.counts(window=0.4)

    assert (counts["most_in_window"], counts["most_received_in_window"]) == (3, 3)
    assert sandbox.counts(window=60)["most_received_in_window"] == 7
    assert sum(counts["per_second"].values()) == 7


def test_a_request_is_recorded_with_everything_but_its_token(sandbox: Sandbox) -> None:
    before = datetime.now(UTC)
    job = sandbox.send(customer_name="Asha").json()["jobId"]

    entry = sandbox.last()

    assert before <= datetime.fromisoformat(entry["received_at"]) <= datetime.now(UTC)
    assert entry["jobId"] == job
    assert entry["body"] == {"recipient_mobile_number": ASHA, "customer_name": "Asha", "message": "Hello"}
    assert entry["token"].startswith("tok_")
    assert TOKEN not in str(entry)
    expected = {"outcome": "accepted", "accepted": True, "delivered": True, "told": True}
    assert entry.items() >= expected.items()


def test_a_refusal_is_recorded_with_its_reason(sandbox: Sandbox) -> None:
    sandbox.send(message="*")

    entry = sandbox.last()

    assert (entry["outcome"], entry["status"], entry["why"]) == ("refused", 400, "Text contains invalid characters")


def test_requests_are_paged_by_number_and_filtered_by_recipient(sandbox: Sandbox) -> None:
    for text in ("one", "two", "three"):
        sandbox.send(message=text)
    sandbox.send(to="919000000009", message="four")

    def texts(**query: object) -> list[str]:
        return [entry["body"]["message"] for entry in sandbox.get("/_sandbox/requests", **query)["requests"]]

    first = sandbox.get("/_sandbox/requests")["requests"][0]["number"]
    assert texts() == ["one", "two", "three", "four"]
    assert texts(limit=2) == ["three", "four"]
    assert texts(after=first, limit=2) == ["two", "three"]
    assert texts(recipient="919000000009") == ["four"]
    assert sandbox.counts(recipient=ASHA)["total"] == 3


def test_an_invalid_query_is_refused(sandbox: Sandbox) -> None:
    for query in ("counts?window=0", "counts?window=x", "requests?limit=-1", "requests?after=nan"):
        assert sandbox.http.get(f"{sandbox.url}/_sandbox/{query}", timeout=60).status_code == 400


def test_clearing_the_history_clears_the_limit_too(sandbox: Sandbox) -> None:
    sandbox.set(limit="1/60s")
    sandbox.send()

    sandbox.http.delete(f"{sandbox.url}/_sandbox/requests", timeout=60)

    assert sandbox.counts()["total"] == 0
    assert sandbox.send().status_code == 202


def test_a_request_counts_from_its_arrival_and_not_from_when_the_process_reads_it(sandbox: Sandbox) -> None:
    """The sandbox is suspended meanwhile, as a process that waits for the CPU."""
    sandbox.set(limit="1/0.2s")
    os.kill(sandbox.process.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(sandbox.send, message="First")
            time.sleep(0.3)
            second = threads.submit(sandbox.send, message="Second")
            time.sleep(0.1)
            os.kill(sandbox.process.pid, signal.SIGCONT)
            assert [first.result().status_code, second.result().status_code] == [202, 202]
    finally:
        os.kill(sandbox.process.pid, signal.SIGCONT)
