"""A request to reload the files reaches each process once, and no answer to a former one counts."""

from __future__ import annotations

import redis

from harkara.reload_requests import KEPT_SECONDS, REQUEST, ReloadAnswer, ReloadRequests


def test_a_process_answers_a_request_once_and_a_new_one_again(redis_client: redis.Redis) -> None:
    asked, worker = ReloadRequests(redis_client), ReloadRequests(redis_client)
    assert worker.pending() is None
    first = asked.request()
    assert worker.pending() == first
    answer = ReloadAnswer("worker", ("lanes.toml",), None, True)
    worker.answer(first, "host:1", answer)
    assert worker.pending() is None
    assert asked.answers(first) == {"host:1": answer}
    second = asked.request()
    assert (worker.pending(), asked.answers(second)) == (second, {})


def test_requests_and_answers_are_gone_after_an_hour(redis_client: redis.Redis) -> None:
    requests = ReloadRequests(redis_client)
    request = requests.request()
    requests.answer(request, "host:1", ReloadAnswer("beat"))
    for key in (REQUEST, f"{REQUEST}:{request}"):
        assert 0 < redis_client.ttl(key) <= KEPT_SECONDS


def test_a_process_that_could_not_answer_reads_the_request_again(redis_client: redis.Redis) -> None:
    requests = ReloadRequests(redis_client)
    request = requests.request()
    assert requests.pending() == request
    assert requests.pending() == request
