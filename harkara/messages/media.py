"""Media messages: Chat Mitra downloads the file from a public link."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, StrictBool

from harkara.errors import Invalid
from harkara.messages.media_links import validate_media_link
from harkara.messages.model import RawMessage
from harkara.messages.text_rules import PrintableRule, TextRule

# Chat Mitra docs, Media Messages: the file types for each kind.
_TYPES = {
    "image": ("jpg", "jpeg", "png", "webp"),
    "video": ("mp4", "3gp"),
    "audio": ("mp3", "ogg", "opus"),
    "document": ("pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt"),
    "sticker": ("webp",),
}

ImageLink = Annotated[str, AfterValidator(partial(validate_media_link, types=_TYPES["image"]))]
VideoLink = Annotated[str, AfterValidator(partial(validate_media_link, types=_TYPES["video"]))]
AudioLink = Annotated[str, AfterValidator(partial(validate_media_link, types=_TYPES["audio"]))]
DocumentLink = Annotated[str, AfterValidator(partial(validate_media_link, types=_TYPES["document"]))]
StickerLink = Annotated[str, AfterValidator(partial(validate_media_link, types=_TYPES["sticker"]))]

# WhatsApp Cloud API, media messages; Chat Mitra documents no limit.
Caption = Annotated[str, AfterValidator(TextRule(1_024, lines=True))]


class Medium(RawMessage):
    """Base of the messages with a link to a file."""

    link: str

    if TYPE_CHECKING:  # pydantic's mypy plugin would write a constructor that knows no field of the subclasses

        def __init__(self, /, **fields: Any) -> None: ...

    def links(self) -> tuple[tuple[str, str], ...]:
        return (("link", self.link),)


class Image(Medium):
    """A picture: `Image("https://example.com/menu.jpg", caption="Today's menu")`.

    JPG, PNG or WEBP of at most 5 MB (Chat Mitra docs, Media Messages); the size is not checked here.
    Prefer JPG and PNG: WhatsApp itself shows WEBP only as a sticker. `caption` has at most 1,024 characters.
    """

    kind: ClassVar[str] = "image"

    link: ImageLink
    caption: Caption | None = None

    def __init__(self, link: str, *, caption: str | None = None) -> None:
        super().__init__(link=link, caption=caption)


class Video(Medium):
    """A video: `Video("https://example.com/tour.mp4")`.

    MP4 with H.264, or 3GP, of at most 16 MB (Chat Mitra docs, Media Messages); the size is not checked here.
    `caption` has at most 1,024 characters.
    """

    kind: ClassVar[str] = "video"

    link: VideoLink
    caption: Caption | None = None

    def __init__(self, link: str, *, caption: str | None = None) -> None:
        super().__init__(link=link, caption=caption)


class Audio(Medium):
    """A sound file: `Audio("https://example.com/greeting.ogg", voice=True)`.

    MP3, OGG or OPUS of at most 16 MB (Chat Mitra docs, Media Messages); the size is not checked here.
    `voice` shows an OGG file as a voice note. Audio has no caption.
    """

    kind: ClassVar[str] = "audio"

    link: AudioLink
    voice: StrictBool | None = None

    def __init__(self, link: str, *, voice: bool | None = None) -> None:
        super().__init__(link=link, voice=voice)


def _validate_filename(value: str) -> str:
    PrintableRule(240)(value)
    if "/" in value or "\\" in value:
        raise Invalid("", "must be the name of the file alone, without a folder")
    return value


class Document(Medium):
    """A file to download: `Document("https://example.com/7.pdf", filename="Invoice 7.pdf")`.

    PDF, DOC(X), XLS(X), PPT(X) or TXT of at most 100 MB (Chat Mitra docs, Media Messages); the size is not checked.
    The recipient sees `filename`, of at most 240 characters. `caption` has at most 1,024 characters.
    """

    kind: ClassVar[str] = "document"

    link: DocumentLink
    filename: Annotated[str, AfterValidator(_validate_filename)] | None = None
    caption: Caption | None = None

    def __init__(self, link: str, *, filename: str | None = None, caption: str | None = None) -> None:
        super().__init__(link=link, filename=filename, caption=caption)


class Sticker(Medium):
    """A sticker: `Sticker("https://example.com/thanks.webp")`.

    WEBP of 512 x 512 pixels and at most 500 KB (Chat Mitra docs, Media Messages); the size is not checked here.
    WhatsApp itself accepts a sticker that is not animated only up to 100 KB. A sticker has no caption.
    """

    kind: ClassVar[str] = "sticker"

    link: StickerLink

    def __init__(self, link: str) -> None:
        super().__init__(link=link)


# Envelope.body_json writes compact JSON with the link first, and no valid link has a quote or a backslash. A quote
# within a text has a backslash before it, so no text matches.
_MEDIUM_IN_JSON = re.compile(rf'"({"|".join(_TYPES)})":\{{"link":"([^"\\]+)"')


def media_in(body: str) -> list[tuple[str, str]]:
    """Return kind and link of each medium in a request, given its body as `Envelope.body_json` wrote it."""
    return _MEDIUM_IN_JSON.findall(body) if '"link":"' in body else []
