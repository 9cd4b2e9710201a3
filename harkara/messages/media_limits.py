"""The size and the content types that each kind of medium may have."""

from __future__ import annotations

from dataclasses import dataclass

_MB = 1_000_000
_OFFICE = "application/vnd.openxmlformats-officedocument"


@dataclass(frozen=True, slots=True)
class MediaLimit:
    """The most bytes of a file, and the values that its Content-Type may have."""

    size: int
    types: tuple[str, ...]


# Chat Mitra docs, Media Messages: sizes and file types. The content types are those of the WhatsApp Cloud API, Media.
# A megabyte is taken as 1,000,000 bytes, the smaller of its two meanings.
MEDIA_LIMITS = {
    "image": MediaLimit(5 * _MB, ("image/jpeg", "image/png", "image/webp")),
    "video": MediaLimit(16 * _MB, ("video/mp4", "video/3gpp", "video/3gp")),
    "audio": MediaLimit(16 * _MB, ("audio/mpeg", "audio/mp3", "audio/ogg", "audio/opus", "application/ogg")),
    "document": MediaLimit(
        100 * _MB,
        (
            "application/pdf",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            f"{_OFFICE}.wordprocessingml.document",
            f"{_OFFICE}.spreadsheetml.sheet",
            f"{_OFFICE}.presentationml.presentation",
            "text/plain",
        ),
    ),
    "sticker": MediaLimit(500_000, ("image/webp",)),
}
