"""An event matches a message by id, or else by number and content; without a certain match it is an orphan."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.inbound import fingerprint
from harkara.inbound.events import StatusChanged
from harkara.inbound.matching import Candidate, match
from harkara.inbound.normalization import digest
from harkara.states import State
from tests.unit.chatmitra.samples import AT, CUSTOMER, parse_status, status_event

TOKEN = "token"
EVENT = parse_status(status_event())
XYZ = digest("wamid_xyz789")
LIVE = [State.SENDING, State.UNCERTAIN, State.ACCEPTED]


def candidate(identity: str = "job_a", *, ago: float = 3.0, **fields: Any) -> Candidate:
    """Return a message that was POSTed `ago` seconds before the event, and matches it unless `fields` change that."""
    posted = AT - timedelta(seconds=ago)
    usual: dict[str, Any] = {
        "state": State.ACCEPTED,
        "first_posted_at": posted,
        "posted_at": posted,
        "fingerprint": fingerprint_of(CUSTOMER, "Your order is ready"),
    }
    return Candidate(id=identity, **usual | fields)


def fingerprint_of(recipient: str, text: str) -> str | None:
    return fingerprint.keyed(TOKEN, recipient, fingerprint.of_request({"message": text}))


def event_fingerprints(event: StatusChanged) -> list[str]:
    found = fingerprint.keyed(TOKEN, event.recipient, event.digest)
    return [found] if found else []


def matched(*candidates: Candidate, **fields: Any) -> str | None:
    event = parse_status(status_event(**fields))
    one = match(event, event_fingerprints(event), candidates)
    return one.id if one else None


def test_an_equal_job_id_decides_regardless_of_the_content() -> None:
    other = candidate(
        "job_b", job_id="theirs", fingerprint=fingerprint_of("15550001111", "Hello"), state=State.READ, ago=9e6
    )
    assert matched(candidate(), other, jobId="theirs") == "job_b"


def test_an_equal_message_id_decides() -> None:
    known = candidate("job_b", whatsapp_id=XYZ, fingerprint=None, state=State.DELIVERED, ago=9e6)
    assert matched(candidate(), known, event="message.status.updated", status="read", to=None) == "job_b"


def test_an_event_whose_two_ids_name_two_messages_is_an_orphan() -> None:
    assert matched(candidate("job_a", job_id="theirs"), candidate("job_b", whatsapp_id=XYZ), jobId="theirs") is None


def test_an_unknown_job_id_can_belong_to_a_message_without_an_answer() -> None:
    assert (
        matched(candidate("job_a", job_id="other"), candidate("job_b", state=State.UNCERTAIN), jobId="lost") == "job_b"
    )


@pytest.mark.parametrize("state", LIVE)
def test_number_and_text_match_a_message_that_may_have_left(state: State) -> None:
    assert matched(candidate(state=state)) == "job_a"


@pytest.mark.parametrize("state", [State.WAITING, State.QUEUED, State.CLAIMED])
def test_an_unsent_message_matches_only_after_a_doubtful_try(state: State) -> None:
    assert matched(candidate(state=state, resends=1)) == "job_a"
    assert matched(candidate(state=state)) is None


@pytest.mark.parametrize("state", sorted(set(State) - {*LIVE, State.WAITING, State.QUEUED, State.CLAIMED}))
def test_a_message_in_any_other_state_does_not_match_by_text(state: State) -> None:
    """A person who saw it fail may have typed it in the dashboard since."""
    assert matched(candidate(state=state, resends=1)) is None


@pytest.mark.parametrize(
    "other",
    [
        {"fingerprint": fingerprint_of(CUSTOMER, "Your order is ready!")},
        {"fingerprint": fingerprint_of("919876543211", "Your order is ready")},
        {"fingerprint": None},
        {"whatsapp_id": digest("wamid_its_own")},
        {"first_posted_at": None},
        {"ago": -31},
        {"ago": 3_601},
    ],
)
def test_a_message_typed_in_the_dashboard_is_an_orphan(other: dict[str, Any]) -> None:
    assert matched(candidate(**other)) is None
    assert match(EVENT, event_fingerprints(EVENT), []) is None


@pytest.mark.parametrize("event", [{"to": None, "message_id": "wamid_1"}, {"message": {"type": "image"}}])
def test_an_event_without_number_or_content_is_an_orphan(event: dict[str, Any]) -> None:
    assert matched(candidate(), **event) is None
    assert matched(candidate(fingerprint=None), **event) is None


def test_an_event_matches_from_30_seconds_before_the_post_until_an_hour_after_it() -> None:
    assert matched(candidate(ago=-30)) == matched(candidate(ago=3_600)) == "job_a"
    assert matched(candidate(ago=9_000, posted_at=AT - timedelta(seconds=3_600), resends=1)) == "job_a"


def test_an_event_of_the_first_of_two_tries_matches() -> None:
    twice = candidate(state=State.SENDING, resends=1, first_posted_at=AT, posted_at=AT + timedelta(minutes=10))
    assert match(EVENT, event_fingerprints(EVENT), [twice]) == twice


def test_accepted_messages_match_before_uncertain_ones_and_older_ones_first() -> None:
    doubtful, old, new = (
        candidate("job_a", ago=50, state=State.UNCERTAIN),
        candidate("job_c", ago=40),
        candidate("job_b", ago=30),
    )
    assert matched(new, doubtful, old) == "job_c"
    assert matched(new, doubtful) == "job_b"
    assert matched(doubtful) == "job_a"


@given(st.permutations([candidate(f"job_{n}", ago=n // 2, state=LIVE[n % 3]) for n in range(6)]))
def test_the_order_of_the_candidates_does_not_matter(candidates: list[Candidate]) -> None:
    expected = event_fingerprints(EVENT)
    assert match(EVENT, expected, candidates) == match(EVENT, expected, sorted(candidates, key=lambda one: one.id))
