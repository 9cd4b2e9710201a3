"""The name of a campaign's recipient, as far as the message holds it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

_NAME: Final = "customer"
"""The parameter of a kind that holds the name of its recipient."""


def name_position(body: Sequence[str]) -> int | None:
    """Return the position of the recipient's name among the parameters of a kind's body, None without one."""
    return body.index(_NAME) if _NAME in body else None


def recipient_name(body: str, position: int | None) -> str | None:
    """Return the name in a request, given its body as `Envelope.body_json` wrote it.

    It is the `customer_name`, or else the parameter of the template's body at this position, counted from 0.
    """
    request: dict[str, Any] = json.loads(body)
    given: str | None = request.get("customer_name")
    if given or position is None:
        return given
    template: dict[str, Any] = request["messages"][0].get("template", {})
    texts = [
        parameter.get("text")
        for component in template.get("components", ())
        if component["type"] == "body"
        for parameter in component["parameters"]
    ]
    return texts[position] if position < len(texts) else None
