"""A contact allows messages by the sum of the person's choices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harkara.errors import Invalid
from harkara.inbound.contact import UNKNOWN_CONTACT, ConsentChoice, ContactState

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ASHA = "919876500001"


def choice(action: str, category: str = "everything") -> ConsentChoice:
    return ConsentChoice.parse(ASHA, action=action, category=category, how="operator", proof="Form", at=NOON)


def contact_after(*choices: ConsentChoice) -> ContactState:
    contact = UNKNOWN_CONTACT
    for each in choices:
        contact = contact.with_choice(each)
    return contact


@pytest.mark.parametrize(
    ("choices", "stopped", "agreed"),
    [
        ([choice("opt-out")], "everything", False),
        ([choice("opt-out", "marketing")], "marketing", False),
        ([choice("opt-out"), choice("opt-out", "marketing")], "everything", False),
        ([choice("opt-out", "marketing"), choice("opt-out")], "everything", False),
        ([choice("opt-out"), choice("opt-in")], None, False),
        ([choice("opt-out"), choice("opt-in", "marketing")], None, True),
        ([choice("opt-in", "marketing"), choice("opt-in")], None, True),
        ([choice("opt-in", "marketing"), choice("opt-out", "marketing")], "marketing", False),
        ([choice("opt-in", "marketing"), choice("opt-out"), choice("opt-in")], None, False),
    ],
)
def test_choices_add_up_in_their_order(choices: list[ConsentChoice], stopped: str | None, agreed: bool) -> None:
    contact = contact_after(*choices)
    assert (contact.stopped, contact.agreed_at is not None, contact.chosen_at) == (stopped, agreed, NOON)


def test_an_unknown_contact_allows_every_category() -> None:
    assert [UNKNOWN_CONTACT.objection(category) for category in ("reply", "utility", "marketing")] == [None] * 3


def test_the_window_is_known_only_in_a_lane_with_webhooks() -> None:
    assert UNKNOWN_CONTACT.window(NOON, webhooks_enabled=False).window == "unknown"
    assert UNKNOWN_CONTACT.window(NOON, webhooks_enabled=True).window == "shut"
    asha = ContactState(wrote_at=NOON - timedelta(hours=1))
    assert asha.window(NOON, webhooks_enabled=False).window == "unknown"
    assert asha.window(NOON, webhooks_enabled=True).seconds_left == 23 * 3600


def test_the_repr_of_a_choice_contains_neither_number_nor_proof() -> None:
    assert ASHA not in repr(choice("opt-out"))
    assert "Form" not in repr(choice("opt-out"))


def test_a_choice_read_from_json_has_its_lane_and_the_application_as_its_source() -> None:
    lane, parsed = ConsentChoice.from_json(choice("opt-out", "marketing").to_json("north"))
    assert (lane, parsed.how) == ("north", "application")
    assert (parsed.recipient, parsed.action, parsed.category) == (ASHA, "opt-out", "marketing")
    assert (parsed.proof, parsed.at) == ("Form", NOON)


@pytest.mark.parametrize(
    ("wrong", "field", "rule"),
    [
        ({"action": "stop"}, "wish", "must be opt-out or opt-in"),
        ({"category": "offers"}, "category", "must be everything or marketing"),
        ({"proof": "\0"}, "proof", "is empty"),
        ({"at": datetime(2026, 5, 1)}, "at", "has no time zone"),
        ({"at": datetime(2126, 5, 1, tzinfo=UTC)}, "at", "is in the future"),
    ],
)
def test_a_choice_that_breaks_a_rule_is_refused(wrong: dict[str, Any], field: str, rule: str) -> None:
    usual: dict[str, Any] = {
        "action": "opt-out",
        "category": "everything",
        "how": "operator",
        "proof": "Form",
        "at": NOON,
    }
    with pytest.raises(Invalid) as refused:
        ConsentChoice.parse(ASHA, **usual | wrong)
    assert refused.value.field == field
    assert refused.value.rule.startswith(rule)


@pytest.mark.parametrize("data", ["", "[]", "{}", '{"lane": 1}', "null"])
def test_json_that_is_not_a_choice_is_refused(data: str) -> None:
    with pytest.raises(Invalid):
        ConsentChoice.from_json(data)
