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


@pytest.mark.parametrize("given", [Template, lambda name: Template(name).wire()])
@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("otp_verification", "authentication"),
        ("promotional_broadcast", "marketing"),
        ("not_in_the_catalogue", None),
    ],
)
def test_a_fallback_gets_the_category_of_its_approved_name(given: Any, name: str, category: str | None) -> None:
    text = {"recipient_mobile_number": "919876500001", "message": "Hello"}
    batch = {
        "recipient_mobile_number": "919876500001",
        "messages": [*request("otp_verification")["messages"], {"kind": "raw", "payload": _TEXT}],
    }
    for body in (text, batch):
        fallback = CATALOGUE.envelope(body, fallback=given(name)).fallback
        assert fallback
        assert (fallback.name, fallback.category) == (name, category)


def test_a_category_that_the_caller_gives_to_the_fallback_stays() -> None:
    text = {"recipient_mobile_number": "919876500001", "message": "Hello"}
    fallback = CATALOGUE.envelope(text, fallback=Template("promotional_broadcast", category="utility")).fallback
    assert fallback
    assert fallback.category == "utility"


_TEXT = {"type": "text", "text": {"body": "Hello"}}


def request(*names: str) -> dict[str, Any]:
    items = [{"kind": "template", "template": Template(name, body=["482913"]).wire()["template"]} for name in names]
    return {"recipient_mobile_number": "919876500001", "messages": items}
