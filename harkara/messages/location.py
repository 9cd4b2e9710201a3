"""Location messages."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from harkara.messages.model import RawMessage
from harkara.messages.text_rules import TextRule

# Chat Mitra docs, Validation Rules: Location Messages.
Latitude = Annotated[float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False)]

# Neither Chat Mitra nor Meta documents a limit; this one is Harkara's.
Place = Annotated[str, AfterValidator(TextRule(1_024))]


class Location(RawMessage):
    """A pin on a map: `Location(18.52, 73.86, name="Clinic", address="1 Laxmi St, Pune")`.

    `latitude` is in degrees from -90 to 90, `longitude` from -180 to 180 (Chat Mitra docs, Validation Rules).
    WhatsApp shows `name` and `address`, of at most 1,024 characters each, below the pin.
    """

    kind: ClassVar[str] = "location"

    latitude: Latitude
    longitude: Longitude
    name: Place | None = None
    address: Place | None = None

    def __init__(
        self, latitude: float, longitude: float, *, name: str | None = None, address: str | None = None
    ) -> None:
        super().__init__(latitude=latitude, longitude=longitude, name=name, address=address)
