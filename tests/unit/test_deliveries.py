"""The messages of a chunk in the sender threads: each ends once, by its outcome or because it was withdrawn."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harkara.delivery.deliveries import Deliveries


def test_a_chunk_without_messages_has_ended() -> None:
    assert Deliveries([]).wait(time.monotonic())


def test_a_chunk_ends_when_each_message_has_its_outcome() -> None:
    deliveries = Deliveries(["a", "b"])
    assert deliveries.begin("a")
    assert deliveries.begin("b")
    deliveries.end()
    assert not deliveries.wait(time.monotonic())
    deliveries.end()
    assert deliveries.wait(time.monotonic())


def test_a_message_that_no_thread_has_begun_is_withdrawn_and_never_begins() -> None:
    deliveries = Deliveries(["a", "b"])
    assert deliveries.begin("a")
    assert deliveries.withdraw() == ["b"]
    assert not deliveries.begin("b")
    assert deliveries.withdraw() == []
    deliveries.end()
    deliveries.finish()


def test_of_a_thread_that_begins_and_a_chunk_that_withdraws_one_gets_the_message() -> None:
    ids = [str(n) for n in range(1000)]
    deliveries = Deliveries(ids)
    with ThreadPoolExecutor(2) as threads:
        beginning = threads.submit(lambda: [each for each in ids if deliveries.begin(each)])
        withdrawn = deliveries.withdraw()
    assert sorted([*beginning.result(), *withdrawn]) == sorted(ids)


def test_an_error_of_one_message_is_raised_when_all_have_ended() -> None:
    deliveries = Deliveries(["a", "b"])
    for identity, error in (("a", ValueError("no")), ("b", None)):
        assert deliveries.begin(identity)
        deliveries.end(error)
    with pytest.raises(ValueError, match="no"):
        deliveries.finish()
