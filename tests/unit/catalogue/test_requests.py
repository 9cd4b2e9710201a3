"""A request to Chat Mitra gets the category of the kind whose approved name it contains."""

from __future__ import annotations

from typing import Any

import pytest

from harkara import Template
from tests.unit.catalogue.templates import CATALOGUE


@pytest.mark.parametrize(
    ("names", "category", "priority"),
    [
        (["otp_verification"], "authentication", 0),
        (["promotional_broadcast"], "marketing", 3),
        (["order_confirmation", "otp_verification"], "authentication", 0),
        (["not_in_the_catalogue"], "utility", 2),
    ],
)
def test_a_request_gets_the_category_of_its_approved_names(names: list[str], category: str, priority: int) -> None:
    envelope = CATALOGUE.envelope(request(*names))
    assert (envelope.category, envelope.priority) == (category, priority)
    assert envelope.body() == request(*names), "the body is unchanged"


def test_a_category_of_the_caller_overrides_the_kind() -> None:
    assert CATALOGUE.envelope(request("otp_verification"), category="utility", priority=1).category == "utility"


def request(*names: str) -> dict[str, Any]:
    items = [{"kind": "template", "template": Template(name, body=["482913"]).wire()["template"]} for name in names]
    return {"recipient_mobile_number": "919876500001", "messages": items}
