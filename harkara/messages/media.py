"""Messages that show a file, which Chat Mitra fetches from a public link."""

from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar

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

# WhatsApp Cloud API, media messages; Chat Mitra names no limit.
Caption = Annotated[str, AfterValidator(TextRule(1_024, lines=True))]


class Image(RawMessage):
    """A JPG, PNG or WEBP of at most 5 MB. WhatsApp itself shows WEBP only as a sticker: prefer the other two."""

    kind: ClassVar[str] = "image"

    link: ImageLink
    caption: Caption | None = None

    def __init__(self, link: str, *, caption: str | None = None) -> None:
        super().__init__(link=link, caption=caption)


class Video(RawMessage):
    """An MP4 (H.264) or 3GP of at most 16 MB."""

    kind: ClassVar[str] = "video"

    link: VideoLink
    caption: Caption | None = None

    def __init__(self, link: str, *, caption: str | None = None) -> None:
        super().__init__(link=link, caption=caption)


class Audio(RawMessage):
    """An MP3, OGG or OPUS of at most 16 MB, without a caption; `voice` shows an OGG as a voice note."""

    kind: ClassVar[str] = "audio"

    link: AudioLink
    voice: StrictBool | None = None

    def __init__(self, link: str, *, voice: bool | None = None) -> None:
        super().__init__(link=link, voice=voice)


def _file_name(value: str) -> str:
    PrintableRule(240)(value)
    if "/" in value or "\\" in value:
        raise Invalid("", "must be the name of the file alone, without a folder")
    return value


class Document(RawMessage):
    """A PDF, Office file or TXT of at most 100 MB; `filename` is what the recipient sees."""

    kind: ClassVar[str] = "document"

    link: DocumentLink
    filename: Annotated[str, AfterValidator(_file_name)] | None = None
    caption: Caption | None = None

    def __init__(self, link: str, *, filename: str | None = None, caption: str | None = None) -> None:
        super().__init__(link=link, filename=filename, caption=caption)


class Sticker(RawMessage):
    """A WEBP of 512 x 512 and at most 500 KB, without a caption; WhatsApp takes a still one only up to 100 KB."""

    kind: ClassVar[str] = "sticker"

    link: StickerLink

    def __init__(self, link: str) -> None:
        super().__init__(link=link)
