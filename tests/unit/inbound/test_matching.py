"""An event finds its message by id, else by number and content, and what is nobody's or anybody's stays an orphan."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.inbound import fingerprint
from harkara.inbound.events import StatusChanged
from harkara.inbound.matching import Candidate, match
from harkara.inbound.values import digest
from harkara.messages import Envelope, Image, Text
from harkara.messages.template import Template
from harkara.states import State
from tests.unit.inbound.cases import AT, CUSTOMER, as_status, status

TOKEN = "token"
EVENT = as_status(status())
XYZ = digest("wamid_xyz789")
LIVE = [State.SENDING, State.UNCERTAIN, State.ACCEPTED]


def sent(identity: str = "job_a", *, ago: float = 3.0, **fields: Any) -> Candidate:
    """One of ours, posted so many seconds before the event, that fits it unless the fields say otherwise."""
    posted = AT - timedelta(seconds=ago)
    usual: dict[str, Any] = {
        "state": State.ACCEPTED,
        "first_posted_at": posted,
        "posted_at": posted,
        "fingerprint": posted_to(CUSTOMER, "Your order is ready"),
    }
    return Candidate(id=identity, **usual | fields)


def posted_to(recipient: str, text: str) -> str | None:
    return fingerprint.keyed(TOKEN, recipient, fingerprint.of_request({"message": text}))


def shown_by(event: StatusChanged) -> str | None:
    return fingerprint.keyed(TOKEN, event.recipient, event.digest)


def found(*candidates: Candidate, **event: Any) -> str | None:
    said = as_status(status(**event))
    one = match(said, shown_by(said), candidates)
    return one.id if one else None


def test_the_job_id_decides_whatever_else_the_message_is() -> None:
    other = sent("job_b", job_id="theirs", fingerprint=posted_to("15550001111", "Hello"), state=State.READ, ago=9e6)
    assert found(sent(), other, jobId="theirs") == "job_b"


def test_a_message_id_that_is_known_decides() -> None:
    known = sent("job_b", whatsapp_id=XYZ, fingerprint=None, state=State.DELIVERED, ago=9e6)
    assert found(sent(), known, event="message.status.updated", status="read", to=None) == "job_b"


def test_two_ids_that_name_two_messages_leave_an_orphan() -> None:
    assert found(sent("job_a", job_id="theirs"), sent("job_b", whatsapp_id=XYZ), jobId="theirs") is None


def test_a_job_id_that_nobody_has_may_be_that_of_a_lost_answer() -> None:
    assert found(sent("job_a", job_id="other"), sent("job_b", state=State.UNCERTAIN), jobId="lost") == "job_b"


@pytest.mark.parametrize("state", LIVE)
def test_number_and_text_decide_for_what_may_have_left(state: State) -> None:
    assert found(sent(state=state)) == "job_a"


@pytest.mark.parametrize("state", [State.WAITING, State.QUEUED, State.CLAIMED])
def test_what_waits_is_a_match_only_after_doubt(state: State) -> None:
    assert found(sent(state=state, resends=1)) == "job_a"
    assert found(sent(state=state)) is None


@pytest.mark.parametrize("state", sorted(set(State) - {*LIVE, State.WAITING, State.QUEUED, State.CLAIMED}))
def test_what_is_refused_dropped_or_further_is_no_match_by_text(state: State) -> None:
    """Somebody who saw it fail may have typed it in the dashboard since."""
    assert found(sent(state=state, resends=1)) is None


@pytest.mark.parametrize(
    "other",
    [
        {"fingerprint": posted_to(CUSTOMER, "Your order is ready!")},
        {"fingerprint": posted_to("919876543211", "Your order is ready")},
        {"fingerprint": None},
        {"whatsapp_id": digest("wamid_its_own")},
        {"first_posted_at": None},
        {"ago": -31},
        {"ago": 3_601},
    ],
)
def test_what_somebody_typed_in_the_dashboard_is_an_orphan(other: dict[str, Any]) -> None:
    assert found(sent(**other)) is None
    assert match(EVENT, shown_by(EVENT), []) is None


@pytest.mark.parametrize("event", [{"to": None, "message_id": "wamid_1"}, {"message": {"type": "image"}}])
def test_an_event_that_shows_no_number_or_no_content_is_nobodys(event: dict[str, Any]) -> None:
    assert found(sent(), **event) is None
    assert found(sent(fingerprint=None), **event) is None


def test_the_key_is_the_lane_token_and_so_a_code_cannot_be_guessed_back() -> None:
    content = fingerprint.of_request({"message": "123456"})
    assert fingerprint.keyed("one", CUSTOMER, content) != fingerprint.keyed("other", CUSTOMER, content)
    assert fingerprint.keyed("one", CUSTOMER, content) == fingerprint.keyed("one", CUSTOMER, content)


def test_their_clock_may_be_half_a_minute_behind_and_an_hour_may_pass_after_the_last_try() -> None:
    assert found(sent(ago=-30)) == found(sent(ago=3_600)) == "job_a"
    assert found(sent(ago=9_000, posted_at=AT - timedelta(seconds=3_600), resends=1)) == "job_a"


def test_the_first_try_of_a_message_that_went_out_twice_is_recognised() -> None:
    twice = sent(state=State.SENDING, resends=1, first_posted_at=AT, posted_at=AT + timedelta(minutes=10))
    assert match(EVENT, shown_by(EVENT), [twice]) == twice


def test_of_equals_the_oldest_goes_first_and_what_was_taken_before_what_is_in_doubt() -> None:
    doubtful, old, new = sent("job_a", ago=50, state=State.UNCERTAIN), sent("job_c", ago=40), sent("job_b", ago=30)
    assert found(new, doubtful, old) == "job_c"
    assert found(new, doubtful) == "job_b"
    assert found(doubtful) == "job_a"


@given(st.permutations([sent(f"job_{n}", ago=n // 2, state=LIVE[n % 3]) for n in range(6)]))
def test_the_order_of_the_candidates_is_of_no_matter(candidates: list[Candidate]) -> None:
    shown = shown_by(EVENT)
    assert match(EVENT, shown, candidates) == match(EVENT, shown, sorted(candidates, key=lambda one: one.id))


@pytest.mark.parametrize("form", ["simple", "raw"])
@pytest.mark.parametrize("shown", ["Your order\nis ready", {"body": " Your order is ready"}])
def test_a_text_of_ours_is_recognised_in_both_forms(form: Any, shown: object) -> None:
    body = Envelope(to=CUSTOMER, messages=[Text("Your order is ready", form=form)]).body()
    assert fingerprint.of_request(body) == fingerprint.of_message({"type": "text", "text": shown})


def test_an_accent_is_the_same_in_one_character_or_two() -> None:
    assert fingerprint.of_request({"message": "Café"}) == fingerprint.of_request({"message": "Cafe\u0301"})


def test_a_template_is_recognised_only_when_all_of_it_is_shown() -> None:
    body = Envelope(to=CUSTOMER, messages=[Template("payment_reminder", body=["Asha", "INV-1"])]).body()
    whole = body["messages"][0]["template"]
    assert fingerprint.of_request(body) == fingerprint.of_message(
        {"type": "template", "template": dict(reversed(whole.items()))}
    )
    for less in (
        {"type": "template", "template": {"name": "payment_reminder"}},
        {"type": "template"},
        {"type": "text", "text": "payment_reminder"},
        {"type": "template", "text": "Hi Asha, invoice INV-1"},
    ):
        assert fingerprint.of_request(body) != fingerprint.of_message(less)


def test_a_picture_is_not_recognised_by_its_caption_alone() -> None:
    body = Envelope(to=CUSTOMER, messages=[Image("https://example.com/a.jpg", caption="Your receipt")]).body()
    assert fingerprint.of_request(body) is not None
    assert fingerprint.of_message({"type": "image", "caption": "Your receipt"}) is None


def test_several_messages_in_one_hand_over_are_recognised_by_ids_alone() -> None:
    assert fingerprint.of_request(Envelope(to=CUSTOMER, messages=[Text("One"), Text("Two")]).body()) is None


def test_a_place_and_a_card_are_known_by_all_that_they_say() -> None:
    place = {"latitude": 18.0, "longitude": 72.83, "name": "Clinic"}
    as_javascript_writes = {"latitude": 18, "longitude": 72.83, "name": "Clinic"}
    card = [{"name": {"formatted_name": "Asha"}, "phones": [{"phone": "+919876543210"}]}]
    for kind, ours, theirs in (("location", place, as_javascript_writes), ("contacts", card, card)):
        sent_as = {"messages": [{"kind": "raw", "payload": {"type": kind, kind: ours}}]}
        assert fingerprint.of_request(sent_as) is not None
        assert fingerprint.of_request(sent_as) == fingerprint.of_message({"type": kind, kind: theirs})
