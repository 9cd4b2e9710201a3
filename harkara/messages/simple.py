"""Messages of one piece: a text, a place, a reaction."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StrictBool

from harkara.errors import Invalid
from harkara.messages import emoji as emojis
from harkara.messages.part import Raw
from harkara.messages.text import PlainRule, TextRule

# Chat Mitra docs, Request Body Parameters and Validation Rules: Text Messages.
Body = Annotated[str, AfterValidator(TextRule(4_096, lines=True))]

# Chat Mitra docs, Validation Rules: Location Messages.
Latitude = Annotated[float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False)]
Place = Annotated[str, AfterValidator(TextRule(1_024))]  # no limit is known; this one is ours

MessageId = Annotated[str, AfterValidator(PlainRule(256))]


class Text(Raw):
    """Plain text: `Text("Your order #12345 is ready")`.

    It travels in Chat Mitra's simple form, `message`, unless `form` is "raw", `preview_url` is set or it is not alone.
    """

    kind: ClassVar[str] = "text"
    unsent: ClassVar[frozenset[str]] = frozenset({"form"})

    body: Body
    preview_url: StrictBool | None = None
    form: Literal["simple", "raw"] = "simple"

    def __init__(
        self, body: str, *, preview_url: bool | None = None, form: Literal["simple", "raw"] = "simple"
    ) -> None:
        super().__init__(body=body, preview_url=preview_url, form=form)

    @property
    def is_simple(self) -> bool:
        """Whether the simple form can say all of it."""
        return self.form == "simple" and self.preview_url is None


class Location(Raw):
    """A place in degrees: `Location(18.52, 73.86, name="Clinic", address="1 MG Road, Pune")`."""

    kind: ClassVar[str] = "location"

    latitude: Latitude
    longitude: Longitude
    name: Place | None = None
    address: Place | None = None

    def __init__(
        self, latitude: float, longitude: float, *, name: str | None = None, address: str | None = None
    ) -> None:
        super().__init__(latitude=latitude, longitude=longitude, name=name, address=address)


def _one_emoji(value: str) -> str:
    if value and not emojis.is_one(value):
        raise Invalid("", "must be exactly one emoji, or empty to take the reaction back")
    return value


class Reaction(Raw):
    """An emoji on one of the recipient's messages, named by its WhatsApp id; an empty one takes it back."""

    kind: ClassVar[str] = "reaction"

    message_id: MessageId
    emoji: Annotated[str, AfterValidator(_one_emoji)]

    def __init__(self, message_id: str, emoji: str) -> None:
        super().__init__(message_id=message_id, emoji=emoji)
