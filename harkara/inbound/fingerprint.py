"""Fingerprints of content, which distinguish our messages from those that a person typed in the dashboard."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from harkara.inbound.normalization import canonical_json, digest


def of_request(body: Mapping[str, Any]) -> str | None:
    """Return the digest that an event of this request would have; `body` is that of `Envelope.body()`.

    None for a request with several messages.
    """
    match body:
        case {"message": text}:
            return of_message({"type": "text", "text": text})
        case {"messages": [{"kind": "raw", "payload": payload}]}:
            return of_message(payload)
        case {"messages": [{"kind": "template", "template": template}]}:
            return of_message({"type": "template", "template": template})
    return None


def of_message(message: object) -> str | None:
    """Return the digest of an event's `message`, or None when it shows too little to identify the message.

    A text arrives as a plain string (field reports) or as WhatsApp's object with a body. How events show anything else
    is unknown. A template, an image or buttons therefore count only when the event shows all that was sent. A name or a
    caption alone is not enough: a person may have sent it from the dashboard with other values.
    """
    match message:
        case {"type": "text", "text": str(text)} | {"type": "text", "text": {"body": str(text)}}:
            return digest("text", _plain(text))
        case {"type": str(kind), **rest} if isinstance(rest.get(kind), dict | list):
            return digest(kind, canonical_json(rest[kind]))
    return None


def keyed(token: str, recipient: str | None, content: str | None) -> str | None:
    """Return the fingerprint of recipient and content as an attempt stores it, keyed with the lane's token.

    `content` is a digest of `of_request` or `of_message`. Without the key a code of six digits could be guessed from
    it.
    """
    if recipient is None or content is None:
        return None
    return blake2b(f"{recipient} {content}".encode(), key=token.encode()[:64], digest_size=16).hexdigest()


def _plain(text: str) -> str:
    """Normalize white space and characters: platforms trim texts and change line ends (field reports)."""
    return " ".join(unicodedata.normalize("NFC", text).split())
