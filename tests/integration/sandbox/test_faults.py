"""Each fault alone: the client's view, and the sandbox's record."""

from __future__ import annotations

import select
import time
from typing import Any

import pytest
import requests

from tests.integration.sandbox.process import ASHA, TOKEN, Sandbox, message_bytes

KNOWN_NUMBER = {"number": ASHA, "message": "Recipient is not a WhatsApp user", "code": 131026, "http": 400}


def read_all(connection: Any) -> bytes:
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "name", ["close_after_accept_share", "reset_after_read_share", "half_answer_share", "never_answer_share"]
)
def test_a_response_lost_after_accepting_leaves_the_client_uninformed(sandbox: Sandbox, name: str) -> None:
    sandbox.set(**{name: 1})

    with pytest.raises(requests.RequestException):
        sandbox.send(timeout=(60, 0.5))

    counts = sandbox.counts()
    assert counts.items() >= {"accepted": 1, "untold": 1}.items()
    assert sandbox.last()["outcome"] == name.removesuffix("_share")
    assert sandbox.last()["jobId"].startswith("job_")


@pytest.mark.parametrize("name", ["reset_before_read_share", "never_answer_unprocessed_share"])
def test_an_unprocessed_request_is_not_accepted(sandbox: Sandbox, name: str) -> None:
    sandbox.set(**{name: 1})

    with pytest.raises(requests.RequestException):
        sandbox.send(timeout=(60, 0.5))

    assert sandbox.counts()["accepted"] == 0
    assert sandbox.last()["outcome"] == name.removesuffix("_share")


@pytest.mark.parametrize("name", ["reset_before_read_share", "reset_after_read_share"])
def test_a_reset_is_a_tcp_reset(sandbox: Sandbox, name: str) -> None:
    sandbox.set(**{name: 1})

    with sandbox.connection() as connection:
        connection.sendall(message_bytes())
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_closing_after_accepting_ends_the_stream(sandbox: Sandbox) -> None:
    sandbox.set(close_after_accept_share=1)

    with sandbox.connection() as connection:
        connection.sendall(message_bytes())
        assert read_all(connection) == b""


def test_half_a_response_is_shorter_than_its_content_length(sandbox: Sandbox) -> None:
    sandbox.set(half_answer_share=1)

    with sandbox.connection() as connection:
        connection.sendall(message_bytes())
        head, _, body = read_all(connection).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 202")
    assert body.startswith(b'{"status"')
    assert len(body) < int(head.rpartition(b"Content-Length: ")[2].split()[0])


def test_a_silent_drop_is_reported_as_a_success(sandbox: Sandbox) -> None:
    sandbox.set(silent_drop_share=1)

    assert sandbox.send().status_code == 202
    assert sandbox.counts()["delivered"] == 0
    assert sandbox.last().items() >= {"told": True}.items()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_means_not_accepted_unless_the_switch_says_otherwise(sandbox: Sandbox, status: int) -> None:
    sandbox.set(server_error_share=1, server_error_status=status)
    assert sandbox.send().status_code == status
    assert sandbox.counts()["accepted"] == 0

    sandbox.set(server_error_after_accept=True)
    assert sandbox.send().status_code == status
    assert sandbox.counts().items() >= {"accepted": 1, "untold": 1}.items()


def test_a_wrong_server_error_comes_only_after_accepting(sandbox: Sandbox) -> None:
    sandbox.set(server_error_share=1, server_error_after_accept=True)

    assert sandbox.send(message="*no*").status_code == 400


def test_unavailable_next_counts_down(sandbox: Sandbox) -> None:
    sandbox.set(unavailable_next=2, retry_after=7)

    answers = [sandbox.send() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 202]
    assert [answer.headers.get("Retry-After") for answer in answers] == ["7", "7", None]


def test_too_many_requests_comes_at_random(sandbox: Sandbox) -> None:
    sandbox.set(too_many_share=1)

    answer = sandbox.send()

    assert answer.status_code == 429
    assert "too many messages" in answer.json()["message"]
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(("switch", "status"), [("unauthorized", 401), ("no_credits", 402)])
def test_one_token_or_every_token_can_be_refused(sandbox: Sandbox, switch: str, status: int) -> None:
    shown = sandbox.set(**{switch: ["poor"]})
    assert [sandbox.send(token="poor").status_code, sandbox.send(token="rich").status_code] == [status, 202]
    assert "poor" not in str(shown)

    sandbox.set(**{switch: True})
    assert sandbox.send(token="rich").status_code == status


def test_an_error_code_comes_as_often_as_the_count(sandbox: Sandbox) -> None:
    sandbox.set(code_next={"code": 131047, "message": "Re-engagement message", "count": 2, "http": 400})

    answers = [sandbox.send() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [400, 400, 202]
    assert answers[0].json() == {"status": "error", "message": "Re-engagement message", "code": 131047}


def test_a_success_status_can_carry_every_known_refusal(sandbox: Sandbox) -> None:
    sandbox.set(refuse_in_2xx_share=1, seed=1)

    answers = [sandbox.send() for _ in range(40)]

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 4
    assert not any("jobId" in answer.json() for answer in answers)
    assert sandbox.counts()["accepted"] == 0


def test_a_recipient_can_be_refused(sandbox: Sandbox) -> None:
    shown = sandbox.set(refuse_numbers=[ASHA, {"number": "919000000009", "http": 403, "message": "No", "code": 1}])

    assert shown["refuse_numbers"][0] == KNOWN_NUMBER
    assert sandbox.send().json()["code"] == 131026
    assert sandbox.send(to="919000000009").status_code == 403
    assert sandbox.send(to="919000000008").status_code == 202


def test_a_marked_number_causes_its_fault_once_for_each_content(sandbox: Sandbox) -> None:
    assert sandbox.send(to="919000000503").status_code == 202
    sandbox.set(markers=True)

    statuses = [sandbox.send(to="919000000503", message=text).status_code for text in ("a", "a", "b", "b")]

    assert statuses == [503, 202, 503, 202]
    assert sandbox.send(to="919000000429").status_code == 429
    assert sandbox.send(to="919000000500").status_code == 500
    with pytest.raises(requests.ConnectionError):
        sandbox.send(to="919000000001")


def test_latency_delays_the_response_and_not_the_acceptance(sandbox: Sandbox) -> None:
    sandbox.set(latency_ms=[300, 400])

    with sandbox.connection() as connection:
        started = time.monotonic()
        connection.sendall(message_bytes())
        while True:
            answered = select.select([connection], [], [], 0)[0]
            if sandbox.counts()["accepted"]:
                break
            assert answered == []
        connection.recv(1)

    assert time.monotonic() - started >= 0.3


def test_a_client_that_gave_up_counts_as_uninformed(sandbox: Sandbox) -> None:
    sandbox.set(latency_ms=300)

    with pytest.raises(requests.ReadTimeout):
        sandbox.send(timeout=(60, 0.1))
    time.sleep(0.4)

    assert sandbox.counts().items() >= {"untold": 1}.items()


def test_a_slow_response_arrives_byte_by_byte(sandbox: Sandbox) -> None:
    sandbox.set(slow_drip_ms=1)

    started = time.monotonic()
    answer = sandbox.send()

    assert answer.status_code == 202
    assert time.monotonic() - started > len(answer.content) / 1_000


def test_the_success_status_can_be_200(sandbox: Sandbox) -> None:
    sandbox.set(success_status=200)

    assert sandbox.send().status_code == 200


def test_an_idle_connection_is_closed_after_the_keep_alive(sandbox: Sandbox) -> None:
    sandbox.set(keepalive_seconds=0.3)

    with sandbox.connection() as connection:
        connection.sendall(message_bytes())
        assert connection.recv(1_000).startswith(b"HTTP/1.1 202")
        started = time.monotonic()
        assert connection.recv(1) == b""

    assert 0.2 < time.monotonic() - started < 30


def test_shares_are_drawn_for_each_request_and_repeat_with_the_seed(sandbox: Sandbox) -> None:
    def draws() -> list[int]:
        sandbox.set(seed=7, server_error_share=0.5)
        return [sandbox.send().status_code for _ in range(20)]

    first = draws()

    assert set(first) == {202, 500}
    assert draws() == first


def test_faults_combine(sandbox: Sandbox) -> None:
    sandbox.set(seed=3, limit="30/60s", server_error_share=0.3, silent_drop_share=0.5, success_status=200)

    statuses = {sandbox.send().status_code for _ in range(60)}

    assert statuses == {200, 429, 500}
    assert 0 < sandbox.counts()["delivered"] < sandbox.counts()["accepted"]


def test_an_unknown_switch_is_refused_with_the_known_ones(sandbox: Sandbox) -> None:
    answer = sandbox.http.patch(f"{sandbox.url}/_sandbox/faults", json={"explode": 1, "markers": True}, timeout=60)

    assert answer.status_code == 400
    assert "explode" in answer.json()["message"]
    assert set(answer.json()["known"]) == sandbox.get("/_sandbox/faults").keys()
    assert sandbox.get("/_sandbox/faults")["markers"] is False


@pytest.mark.parametrize("content", [b"{", b"[]", b"[" * 100_000])
def test_switches_are_an_object_in_json(sandbox: Sandbox, content: bytes) -> None:
    answer = sandbox.http.patch(f"{sandbox.url}/_sandbox/faults", data=content, timeout=60)

    assert (answer.status_code, answer.json()["message"]) == (400, "body: must be a JSON object of switches")


@pytest.mark.parametrize(
    "patch",
    [
        {"server_error_share": 1.1},
        {"server_error_status": 418},
        {"server_error_status": []},
        {"limit": "20 a minute"},
        {"limit": "20/0s"},
        {"latency_ms": [5, 1]},
        {"unauthorized": [5]},
        {"code_next": {"nonsense": 1}},
        {"unavailable_next": -1},
    ],
)
def test_an_invalid_value_is_refused_and_changes_nothing(sandbox: Sandbox, patch: dict[str, Any]) -> None:
    before = sandbox.get("/_sandbox/faults")

    answer = sandbox.http.patch(f"{sandbox.url}/_sandbox/faults", json=patch, timeout=60)

    assert answer.status_code == 400
    assert next(iter(patch)) in answer.json()["message"]
    assert sandbox.get("/_sandbox/faults") == before


def test_a_reset_restores_all_switches(sandbox: Sandbox) -> None:
    start = sandbox.get("/_sandbox/faults")
    sandbox.set(server_error_share=1, limit="1/1s", no_credits=[TOKEN])

    answer = sandbox.http.delete(f"{sandbox.url}/_sandbox/faults", timeout=60)

    assert answer.json() == start
    assert sandbox.send().status_code == 202
