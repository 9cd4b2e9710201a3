"""The kinds of config/templates.toml, and their deadlines."""

from __future__ import annotations

import inspect
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara import Client, Envelope
from harkara.catalogue import OPTIONS
from harkara.ledger.messages.insert_rows import message_row
from harkara.shared_defaults import DEADLINES
from tests.unit.catalogue.templates import CATALOGUE, PIN, message, values

FOLLOW_UPS = {"payment_overdue", "visit_feedback", "cart_reminder"}
TO_OPERATORS = {"operator_alarm"}


def test_the_file_has_the_25_documented_kinds_two_reminders_with_other_lead_times_and_four_of_our_own() -> None:
    own = {name: kind for name, kind in CATALOGUE.kind.items() if kind.like is None}
    documented = [kind for name, kind in own.items() if name not in FOLLOW_UPS | TO_OPERATORS]
    assert own.keys() > FOLLOW_UPS | TO_OPERATORS
    assert Counter(kind.category for kind in documented) == {"marketing": 1, "utility": 12, "authentication": 12}
    others = {name: kind.like for name, kind in CATALOGUE.kind.items() if kind.like}
    assert others == {
        "appointment_reminder_2h": "appointment_reminder",
        "reservation_reminder_2h": "reservation_reminder",
    }


@pytest.mark.parametrize("kind", CATALOGUE.kinds())
def test_every_kind_builds_a_message_from_its_own_parameters(kind: str) -> None:
    built = message(kind, values(kind))
    found = CATALOGUE.find(kind)
    assert (built.name, built.language, built.category) == (kind, "en", found.category)
    assert len(built.body) == len(found.body)
    assert [button.index for button in built.buttons] == [button.index for button in found.buttons]
    assert (built.header is None) == (found.header.parameter is None)


@pytest.mark.parametrize("kind", CATALOGUE.kinds())
def test_every_when_is_a_sentence(kind: str) -> None:
    when = CATALOGUE.find(kind).when
    assert when[0].isupper() or when[0].isdigit()
    assert when.endswith(".")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("order_confirmation", ["customer", "product", "variant", "total", "delivery_date", "destination"]),
        ("payment_confirmation", ["customer", "transaction", "amount", "date", "payment_method", "invoice"]),
        ("email_verification", ["customer", "email", "482913", "valid_for", "purpose", "requested_at"]),
        ("phone_verification", ["customer", "mobile", "482913", "valid_for", "purpose", "company"]),
    ],
)
def test_values_are_ordered_by_index_and_not_by_the_text(kind: str, body: list[str]) -> None:
    assert list(message(kind, values(kind)).body) == body


@given(st.data())
def test_the_order_of_arguments_does_not_matter(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(CATALOGUE.kinds()))
    shuffled = dict(data.draw(st.permutations(list(values(kind).items()))))
    assert message(kind, shuffled) == message(kind, values(kind))


def test_every_argument_of_send_template_is_a_reserved_name() -> None:
    named = inspect.signature(Client.send_template).parameters.keys() - {"parameters"}
    assert named == OPTIONS | {"self", "kind", "to"}


def test_a_deadline_counts_from_the_time_of_the_message() -> None:
    kind = CATALOGUE.find("pin_reset")
    at = datetime(2030, 1, 1, tzinfo=UTC)
    later = kind.with_deadline(Envelope(to="919876543210", messages=[message("pin_reset", PIN)], at=at))
    assert (later.expires, later.valid_for) == (None, timedelta(minutes=5))
    assert message_row(later, at - timedelta(days=1), DEADLINES)["expires_at"] == at + timedelta(minutes=5)
    now = kind.with_deadline(Envelope(to="919876543210", messages=[message("pin_reset", PIN)]))
    assert message_row(now, at, DEADLINES)["expires_at"] == at + timedelta(minutes=5)


def test_a_message_keeps_its_own_deadline_and_a_kind_may_have_none() -> None:
    own = datetime(2030, 1, 1, tzinfo=UTC)
    envelope = Envelope(to="919876543210", messages=[message("pin_reset", PIN)], expires=own)
    assert CATALOGUE.find("pin_reset").with_deadline(envelope).expires == own
    without = Envelope(to="919876543210", messages=[message("pin_reset", PIN)])
    assert CATALOGUE.find("order_confirmation").with_deadline(without) == without
