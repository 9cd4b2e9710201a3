"""What the customer reads: the filled texts of the templates in a message."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harkara.messages import Envelope, Message, Template
from harkara.messages.validation import as_handed_over
from workers.command.deployment import catalogue
from workers.command.output import note

if TYPE_CHECKING:
    from harkara.catalogue import Preview


def preview(messages: Iterable[Message]) -> list[Preview]:
    """Return the filled text of each template whose text the catalogue knows."""
    templates = [each for each in messages if isinstance(each, Template)]
    if not templates:
        return []  # other messages need no catalogue
    known = catalogue()
    return [shown for each in templates if (shown := known.preview(each))]


def preview_request(body: str) -> list[Preview]:
    """Return the same for a stored request to Chat Mitra."""
    with as_handed_over():
        return preview(Envelope.from_wire(json.loads(body)).messages)


def note_previews(previews: Iterable[Preview]) -> None:
    """Print each text on stderr, and why WhatsApp would refuse it."""
    for shown in previews:
        for line in shown.lines():
            note(f"  {line}")
        note_problems([shown])


def note_problems(previews: Iterable[Preview]) -> None:
    """Note why WhatsApp would refuse a message; it is handed over all the same, since the catalogue may be wrong."""
    for shown in previews:
        if shown.problem:
            note(f"WhatsApp would refuse this template with the code {shown.code}: {shown.problem}.")


def preview_fields(shown: Preview) -> dict[str, Any]:
    """Return the preview for `--json`."""
    return asdict(shown) | {"problem": str(shown.problem) if shown.problem else None}
