"""The content of a message as an event shows it, by which ours are told from those typed in Chat Mitra's dashboard."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from harkara.inbound.values import canonical, digest


def of_request(body: Mapping[str, Any]) -> str | None:
    """The digest of what an event would show of a request's body (`Envelope.body()`). None for several messages."""
    match body:
        case {"message": text}:
            return of_message({"type": "text", "text": text})
        case {"messages": [{"kind": "raw", "payload": payload}]}:
            return of_message(payload)
        case {"messages": [{"kind": "template", "template": template}]}:
            return of_message({"type": "template", "template": template})
    return None


def of_message(message: object) -> str | None:
    """The digest of an event's `message`, or None when it shows too little to tell it from another.

    A text comes as plain string (field reports), or as WhatsApp's object with a body. What events show of anything
    else is not known. So a template, an image, buttons count only when the event shows all that was sent: a name or a
    caption alone, which somebody may have sent from the dashboard with other values, is not enough.
    """
    match message:
        case {"type": "text", "text": str(text)} | {"type": "text", "text": {"body": str(text)}}:
            return digest("text", _plain(text))
        case {"type": str(kind), **rest} if isinstance(rest.get(kind), dict | list):
            return digest(kind, canonical(rest[kind]))
    return None


def keyed(token: str, recipient: str | None, content: str | None) -> str | None:
    """Recipient and content as they stand on an attempt: nobody guesses them back without the lane's token.

    `content` is the digest of one of the above. Six digits of a code could be guessed from that.
    """
    if recipient is None or content is None:
        return None
    return blake2b(f"{recipient} {content}".encode(), key=token.encode()[:64], digest_size=16).hexdigest()


def _plain(text: str) -> str:
    """Platforms trim a text and change its line ends on the way (field reports); words stay words."""
    return " ".join(unicodedata.normalize("NFC", text).split())
