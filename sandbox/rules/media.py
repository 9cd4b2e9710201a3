"""Media by link (Chat Mitra docs, Supported File Types; hosts blocked for security)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sandbox.responses import invalid_field
from sandbox.rules.field_types import require_object, require_string
from sandbox.rules.text import require_plain_string

CAPTION_MAX = 1_024
FILENAME_MAX = 240
FORMATS = {
    "image": frozenset({"jpg", "jpeg", "png", "webp"}),
    "video": frozenset({"mp4", "3gp"}),
    "audio": frozenset({"mp3", "ogg", "opus"}),
    "document": frozenset({"pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt"}),
    "sticker": frozenset({"webp"}),
}
_OTHER_FILES = "aac amr apk avi bmp csv exe gif heic html m4a mkv mov rar svg tif tiff wav webm wmv zip".split()
_FILES = frozenset(_OTHER_FILES).union(*FORMATS.values())
_WITHOUT_CAPTION = ("audio", "sticker")


def check_media(media: Any, kind: str, field: str) -> None:
    """Check the link, an optional caption, and a document's optional file name; the file is never fetched."""
    media = require_object(media, field)
    link = check_link(media.get("link"), f"{field}.link")
    _check_format(urlsplit(link).path, kind, f"{field}.link")
    if "caption" in media:
        if kind in _WITHOUT_CAPTION:
            raise invalid_field(f"{field}.caption", f"{kind} has no caption")
        require_plain_string(media["caption"], f"{field}.caption", most=CAPTION_MAX)
    if kind == "document" and "filename" in media:
        _check_format(
            require_string(media["filename"], f"{field}.filename", most=FILENAME_MAX), kind, f"{field}.filename"
        )


def check_link(value: Any, field: str) -> str:
    """Require a public HTTPS link without credentials."""
    link = require_string(value, field)
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
    except ValueError:
        raise invalid_field(field, "must be a link") from None
    if parts.scheme != "https":
        raise invalid_field(field, "must be a public HTTPS link")
    if parts.username is not None:
        raise invalid_field(field, "must open without a login")
    if any(character.isspace() for character in link) or not _is_public(host):
        raise invalid_field(field, "must be on a public host; localhost and private addresses are blocked")
    return link


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        _, dot, extension = host.rstrip(".").rpartition(".")
        return bool(dot) and not extension.isdigit() and extension not in ("localhost", "local", "internal")


def _check_format(path: str, kind: str, field: str) -> None:
    """Check a known file extension; a link such as `/photo.php` may return any format."""
    extension = path.rpartition("/")[2].rpartition(".")[2].lower()
    if extension in _FILES and extension not in FORMATS[kind]:
        raise invalid_field(field, f"{kind} must be one of {', '.join(sorted(FORMATS[kind]))}")
