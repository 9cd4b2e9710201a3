"""Harkara: durable WhatsApp sending through Chat Mitra."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harkara.catalogue import Catalogue
    from harkara.categories import Category
    from harkara.client.async_client import AsyncClient
    from harkara.client.client import Client
    from harkara.errors import Conflict, HarkaraError, Invalid, NotFound, Unavailable
    from harkara.message_status import MessageStatus
    from harkara.messages import (
        Audio,
        Button,
        Buttons,
        Contact,
        Contacts,
        CopyCode,
        Document,
        Envelope,
        Image,
        ListMessage,
        Location,
        Message,
        QuickReply,
        Reaction,
        Row,
        Section,
        Sticker,
        Template,
        Text,
        UrlSuffix,
        Video,
        parse_item,
    )
    from harkara.receipt import Change, Handle
    from harkara.version import __version__

__all__ = [
    "AsyncClient",
    "Audio",
    "Button",
    "Buttons",
    "Catalogue",
    "Category",
    "Change",
    "Client",
    "Conflict",
    "Contact",
    "Contacts",
    "CopyCode",
    "Document",
    "Envelope",
    "Handle",
    "HarkaraError",
    "Image",
    "Invalid",
    "ListMessage",
    "Location",
    "Message",
    "MessageStatus",
    "NotFound",
    "QuickReply",
    "Reaction",
    "Row",
    "Section",
    "Sticker",
    "Template",
    "Text",
    "Unavailable",
    "UrlSuffix",
    "Video",
    "__version__",
    "parse_item",
]

_ELSEWHERE = {
    "AsyncClient": "harkara.client.async_client",
    "Catalogue": "harkara.catalogue",
    "Category": "harkara.categories",
    "Change": "harkara.receipt",
    "Client": "harkara.client.client",
    "Conflict": "harkara.errors",
    "Handle": "harkara.receipt",
    "HarkaraError": "harkara.errors",
    "Invalid": "harkara.errors",
    "MessageStatus": "harkara.message_status",
    "NotFound": "harkara.errors",
    "Unavailable": "harkara.errors",
    "__version__": "harkara.version",
}
"""The modules of the names that are not in `harkara.messages`."""


if not TYPE_CHECKING:  # with it, mypy would accept every name

    def __getattr__(name: str) -> Any:
        """Import a name at its first use: a command or a worker that needs one module does not pay for all."""
        if name not in __all__:
            raise AttributeError(f"module 'harkara' has no attribute {name!r}")
        found = getattr(import_module(_ELSEWHERE.get(name, "harkara.messages")), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
