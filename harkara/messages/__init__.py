"""The message kinds, one class each, and the envelope that addresses messages to a recipient."""

from __future__ import annotations

from harkara.categories import Category
from harkara.messages.contact_cards import Contact, Contacts
from harkara.messages.envelope import Envelope
from harkara.messages.interactive import Button, Buttons, ListMessage, Row, Section
from harkara.messages.location import Location
from harkara.messages.media import Audio, Document, Image, Sticker, Video
from harkara.messages.parse import Message, parse_item
from harkara.messages.reaction import Reaction
from harkara.messages.template import Template
from harkara.messages.template_buttons import CopyCode, QuickReply, UrlSuffix
from harkara.messages.text import Text

__all__ = [
    "Audio",
    "Button",
    "Buttons",
    "Category",
    "Contact",
    "Contacts",
    "CopyCode",
    "Document",
    "Envelope",
    "Image",
    "ListMessage",
    "Location",
    "Message",
    "QuickReply",
    "Reaction",
    "Row",
    "Section",
    "Sticker",
    "Template",
    "Text",
    "UrlSuffix",
    "Video",
    "parse_item",
]
