"""A contact: what is let through to them, and what their wishes add up to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harkara.errors import Invalid
from harkara.inbound.contact import UNKNOWN_CONTACT, ConsentChoice, ContactState

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ASHA = "919876500001"


def wish(what: str, category: str = "everything", hours: int = 0) -> ConsentChoice:
    at = NOON + timedelta(hours=hours)
    return ConsentChoice.parse(ASHA, action=what, category=category, how="operator", proof="Form", at=at)


def told(*wishes: ConsentChoice) -> ContactState:
    contact = UNKNOWN_CONTACT
    for each in wishes:
        contact = contact.with_choice(each)
    return contact


@pytest.mark.parametrize(
    ("wishes", "stopped", "agreed"),
    [
        ([wish("opt-out")], "everything", False),
        ([wish("opt-out", "marketing")], "marketing", False),
        ([wish("opt-out"), wish("opt-out", "marketing")], "everything", False),
        ([wish("opt-out", "marketing"), wish("opt-out")], "everything", False),
        ([wish("opt-out"), wish("opt-in")], None, False),
        ([wish("opt-out"), wish("opt-in", "marketing")], None, True),
        ([wish("opt-in", "marketing"), wish("opt-in")], None, True),
        ([wish("opt-in", "marketing"), wish("opt-out", "marketing")], "marketing", False),
        ([wish("opt-in", "marketing"), wish("opt-out"), wish("opt-in")], None, False),
    ],
)
def test_what_wishes_add_up_to(wishes: list[ConsentChoice], stopped: str | None, agreed: bool) -> None:
    contact = told(*wishes)
    assert (contact.stopped, contact.agreed_at is not None, contact.chosen_at) == (stopped, agreed, NOON)


def test_nobody_objects_of_whom_nothing_is_known() -> None:
    assert [UNKNOWN_CONTACT.objection(category) for category in ("reply", "utility", "marketing")] == [None] * 3


def test_a_window_is_known_only_where_somebody_listens() -> None:
    assert UNKNOWN_CONTACT.window(NOON, webhooks_enabled=False).window == "unknown"
    assert UNKNOWN_CONTACT.window(NOON, webhooks_enabled=True).window == "shut"
    asha = ContactState(wrote_at=NOON - timedelta(hours=1))
    assert asha.window(NOON, webhooks_enabled=False).window == "unknown"
    assert asha.window(NOON, webhooks_enabled=True).seconds_left == 23 * 3600


def test_neither_number_nor_proof_is_in_a_repr() -> None:
    assert ASHA not in repr(wish("opt-out"))
    assert "Form" not in repr(wish("opt-out"))


def test_a_wish_goes_through_json_with_its_lane_and_becomes_the_applications() -> None:
    lane, again = ConsentChoice.from_json(wish("opt-out", "marketing").to_json("north"))
    assert (lane, again.how) == ("north", "application")
    assert (again.recipient, again.action, again.category, again.proof, again.at) == (
        ASHA,
        "opt-out",
        "marketing",
        "Form",
        NOON,
    )


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"action": "stop"}, "wish: must be opt-out or opt-in"),
        ({"category": "offers"}, "category: must be everything or marketing"),
        ({"proof": "\0"}, "proof: is empty"),
        ({"at": datetime(2026, 5, 1)}, "at: must have a time zone"),
        ({"at": datetime(2126, 5, 1, tzinfo=UTC)}, "at: is in the future"),
    ],
)
def test_a_wish_that_breaks_a_rule_is_refused(wrong: dict[str, Any], complaint: str) -> None:
    usual: dict[str, Any] = {
        "action": "opt-out",
        "category": "everything",
        "how": "operator",
        "proof": "Form",
        "at": NOON,
    }
    with pytest.raises(Invalid) as refused:
        ConsentChoice.parse(ASHA, **usual | wrong)
    assert str(refused.value).startswith(complaint)


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"lane": 1}', "null"])
def test_what_is_no_wish_is_refused_whatever_it_is(said: str) -> None:
    with pytest.raises(Invalid):
        ConsentChoice.from_json(said)
