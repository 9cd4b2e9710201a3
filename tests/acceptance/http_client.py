"""An application that calls the HTTP API and knows nothing else of Harkara."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from harkara import Envelope

TOKEN = "token-of-the-shop"
API_TOKENS = {"HARKARA_API_TOKENS": f"shop:{TOKEN}"}
"""The setting that accepts the token."""


def send(web: str, envelope: Envelope, *, key: str | None = None, seconds: float = 60) -> Envelope:
    """POST the message, with a key for repeats if one is given; return it with the job id of the response."""
    options = {
        "Idempotency-Key": key,
        "Harkara-Category": envelope.category,
        "Harkara-At": envelope.at.isoformat() if envelope.at else None,
        "Harkara-Fallback": envelope.fallback.name if envelope.fallback else None,
    }
    headers = {name: value for name, value in options.items() if value}
    response = request(f"{web}/send_message", envelope.body(), headers=headers, seconds=seconds)
    return envelope.model_copy(update={"id": response["jobId"]})


def request(
    url: str,
    body: object = None,
    *,
    method: str | None = None,
    headers: Mapping[str, str] = {},
    seconds: float = 60,
) -> Any:
    """Return the JSON of a successful response. Raises urllib.error.HTTPError, an OSError, for any other."""
    data = None if body is None else json.dumps(body).encode()
    known = {"Authorization": f"Bearer {TOKEN}"}
    call = urllib.request.Request(url, data, {**known, **headers}, method=method)
    with urllib.request.urlopen(call, timeout=seconds) as response:
        return json.load(response)


def read_text(url: str) -> str:
    """GET a page without a token."""
    with urllib.request.urlopen(url, timeout=60) as response:
        text: str = response.read().decode()
    return text
