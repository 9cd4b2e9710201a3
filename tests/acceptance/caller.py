"""An application that knows the web door and nothing else."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from harkara import Envelope

TOKEN = "token-of-the-shop"
DOOR = {"HARKARA_API_TOKENS": f"shop:{TOKEN}"}
"""Lets it in."""


def post(web: str, envelope: Envelope) -> Envelope:
    """Hands the message over; returns it as it is known there, by the job of the answer."""
    wishes = {
        "Harkara-Category": envelope.category,
        "Harkara-At": envelope.at.isoformat() if envelope.at else None,
        "Harkara-Fallback": envelope.fallback.name if envelope.fallback else None,
    }
    headers = {name: value for name, value in wishes.items() if value}
    return envelope.model_copy(update={"id": call(f"{web}/send_message", envelope.body(), headers=headers)["jobId"]})


def call(url: str, body: object = None, *, method: str | None = None, headers: Mapping[str, str] = {}) -> Any:
    """What it answers. Raises urllib.error.HTTPError, which is an OSError, when that is no success."""
    data = None if body is None else json.dumps(body).encode()
    known = {"Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(url, data, {**known, **headers}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
