"""Text, location, reaction, media and contact messages."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from harkara.errors import Invalid
from harkara.messages import (
    Audio,
    Contact,
    Contacts,
    Document,
    Image,
    Location,
    Message,
    Reaction,
    Sticker,
    Text,
    Video,
)
from tests.unit.messages.deferred import deferred


def raw(kind: str, content: object) -> dict[str, Any]:
    return {"kind": "raw", "payload": {"type": kind, kind: content}}


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (Text("Hello"), raw("text", {"body": "Hello"})),
        (Text("Hello", preview_url=False), raw("text", {"body": "Hello", "preview_url": False})),
        (Text("Hello", form="raw"), raw("text", {"body": "Hello"})),
        (
            Image("https://cloudinary.com/product-image.jpg", caption="Check out our new product!"),
            raw("image", {"link": "https://cloudinary.com/product-image.jpg", "caption": "Check out our new product!"}),
        ),
        (Video("https://example.com/a.mp4"), raw("video", {"link": "https://example.com/a.mp4"})),
        (
            Audio("https://example.com/a.ogg", voice=True),
            raw("audio", {"link": "https://example.com/a.ogg", "voice": True}),
        ),
        (
            Document("https://example.com/a.pdf", filename="Invoice 7.pdf"),
            raw("document", {"link": "https://example.com/a.pdf", "filename": "Invoice 7.pdf"}),
        ),
        (Sticker("https://example.com/a.webp"), raw("sticker", {"link": "https://example.com/a.webp"})),
        (
            Location(18.52, -73.86, name="Clinic", address="1 Laxmi St, Pune"),
            raw(
                "location",
                {"latitude": 18.52, "longitude": -73.86, "name": "Clinic", "address": "1 Laxmi St, Pune"},
            ),
        ),
        (Reaction("wamid.abc=", "👍"), raw("reaction", {"message_id": "wamid.abc=", "emoji": "👍"})),
        (Reaction("wamid.abc=", ""), raw("reaction", {"message_id": "wamid.abc=", "emoji": ""})),
        (
            Contacts([Contact("Asha Rao", phones=["+919876543210"], org={"company": "Care"}, birthday="1990-12-31")]),
            raw(
                "contacts",
                [
                    {
                        "name": {"formatted_name": "Asha Rao"},
                        "phones": [{"phone": "+919876543210"}],
                        "org": {"company": "Care"},
                        "birthday": "1990-12-31",
                    }
                ],
            ),
        ),
    ],
)
def test_each_kind_has_its_shape_on_the_wire(message: Message, wire: dict[str, Any]) -> None:
    assert message.wire() == wire


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (deferred(Text, "x" * 5_000), "body: at most 4,096 characters (this has 5,000)"),
        (deferred(Text, 5), "body: must be a valid string (this is of type int)"),
        (deferred(Text, "a", preview_url="yes"), "preview_url: must be a valid boolean (this is of type str)"),
        (deferred(Text, "a", form="short"), "form: must be 'simple' or 'raw'"),
        (
            deferred(Image, "https://example.com/a.jpg", caption="x" * 1_025),
            "caption: at most 1,024 characters (this has 1,025)",
        ),
        (deferred(Image, "https://example.com/a.jpg", caption="😀"), "caption: must have words beside the emoji"),
        (
            deferred(Document, "https://example.com/a.pdf", filename="../a.pdf"),
            "filename: must be the name of the file alone, without a folder",
        ),
        (deferred(Location, 90.01, 0), "latitude: must be less than or equal to 90"),
        (deferred(Location, 0, -180.5), "longitude: must be greater than or equal to -180"),
        (deferred(Location, math.nan, 0), "latitude: must be a finite number"),
        (deferred(Location, 0, math.inf), "longitude: must be a finite number"),
        (deferred(Location, "18.5", 0), "latitude: must be a valid number (this is of type str)"),
        (deferred(Location, True, 0), "latitude: must be a valid number (this is of type bool)"),
        (deferred(Reaction, "wamid", "👍👍"), "emoji: must be exactly one emoji, or empty to remove the reaction"),
        (deferred(Reaction, "wamid", "a"), "emoji: must be exactly one emoji, or empty to remove the reaction"),
        (deferred(Reaction, "", "👍"), "message_id: 1 to 256 characters (this has 0)"),
        (deferred(Contacts, []), "contacts: at least 1 (this has 0)"),
        (deferred(Contacts, [Contact("Asha")] * 258), "contacts: at most 257 (this has 258)"),
        (deferred(Contact, ""), "formatted_name: 1 to 256 characters (this has 0)"),
        (deferred(Contact, {"first_name": "Asha"}), "name.formatted_name: is missing"),
        (deferred(Contact, "Asha", phones="+919876543210"), "phones: must be a list (this is of type str)"),
        (deferred(Contact, "Asha", phones=["1", 2]), "phones[1]: must be an object (this is of type int)"),
        (deferred(Contact, "Asha", emails=[{"mail": "a@b.c"}]), "emails[0].mail: unknown key; known are email, type"),
        (deferred(Contact, "Asha", birthday="31.12.1990"), "birthday: must be a date such as 1990-12-31"),
        (deferred(Contact, "Asha", age=36), "age: unknown key"),
    ],
)
def test_an_invalid_message_cannot_be_built(build: Callable[[], object], complaint: str) -> None:
    with pytest.raises(Invalid) as error:
        build()
    assert str(error.value) == complaint


def test_a_message_is_immutable() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Text("Hello").body = "Bye"  # type: ignore[misc]  # mypy knows it too


def test_neither_repr_nor_error_chain_shows_the_content() -> None:
    assert "secret" not in repr(Text("secret")) + str(Contact("secret"))
    with pytest.raises(Invalid) as error:
        Text("secret *")
    assert error.value.__context__ is error.value.__cause__ is None
