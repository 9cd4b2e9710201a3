"""The name of a file that a message links to."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from harkara.console.bubbles.bubble import FileLabel
from harkara.messages import Audio, Document, Image, Sticker, Video


def medium_of(message: Image | Video | Audio | Document | Sticker) -> FileLabel:
    """Return the medium of a message. Its link may have a signature that opens the file, so only its name is shown."""
    name = message.filename if isinstance(message, Document) else None
    return FileLabel(message.kind, name or name_of_link(message.link))


def name_of_link(link: str) -> str:
    """Return the name of the file that a link leads to, without the query. A text that is no link stays."""
    try:
        path = urlsplit(link).path
    except ValueError:
        return link
    return PurePosixPath(unquote(path)).name
