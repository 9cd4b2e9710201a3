"""What can be said: one class for each kind of message, and the envelope that carries it to a person."""

from __future__ import annotations

from harkara.messages.contacts import Contact, Contacts
from harkara.messages.envelope import Category, Envelope
from harkara.messages.interactive import Button, Buttons, ListMessage, Row, Section
from harkara.messages.items import Message, parse_item
from harkara.messages.media import Audio, Document, Image, Sticker, Video
from harkara.messages.simple import Location, Reaction, Text
from harkara.messages.template import Template
from harkara.messages.template_buttons import CopyCode, QuickReply, UrlSuffix

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
