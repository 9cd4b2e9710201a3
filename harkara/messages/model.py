"""The base classes of the message kinds and of the objects inside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from harkara.categories import Category
from harkara.errors import Invalid
from harkara.messages.validation import require_object, to_invalid

_set = object.__setattr__


class StrictModel(BaseModel):
    """A frozen pydantic model that refuses unknown fields and never shows its content in a `repr` or an error.

    The constructor raises Invalid with the path of the first bad field, the rule and the measured value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    unsent: ClassVar[frozenset[str]] = frozenset()
    """The names of the fields that only Harkara reads. They are never sent to Chat Mitra."""

    _known_keys: ClassVar[frozenset[str]]
    _required_keys: ClassVar[tuple[str, ...]]

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        cls._known_keys = frozenset(cls.model_fields.keys() - cls.unsent)
        cls._required_keys = tuple(name for name, field in cls.model_fields.items() if field.is_required())

    def __init__(self, /, **fields: Any) -> None:
        self._validate(fields)

    def _validate(self, fields: dict[str, Any]) -> None:
        """Validate the fields, and set them. Raises Invalid."""
        try:
            # As the constructor of BaseModel, which passes the fields on once more.
            self.__pydantic_validator__.validate_python(fields, self_instance=self)
            return
        except ValidationError as error:
            problem = to_invalid(error.errors(include_url=False)[0])
        # Raised outside the handler: pydantic's error holds the content and would become the context of this one.
        raise problem

    def with_validated(self, **values: Any) -> Self:
        """Return a copy with these fields, which were validated. It takes a third of the time of `model_copy`."""
        copied, given = object.__new__(type(self)), self.__pydantic_fields_set__
        _set(copied, "__dict__", {**self.__dict__, **values})
        _set(copied, "__pydantic_fields_set__", given if given.issuperset(values) else {*given, *values})
        _set(copied, "__pydantic_extra__", None)
        _set(copied, "__pydantic_private__", None)
        return copied

    @classmethod
    def read(cls, value: object) -> Self:
        """Build the model from its JSON object. Raises Invalid for a missing or an unknown key."""
        return value if isinstance(value, cls) else cls(**cls.read_fields(value))

    @classmethod
    def read_fields(cls, value: object, field: str = "") -> dict[str, Any]:
        """Return the fields of a JSON object, with their keys checked and their values not.

        `field` names the object in an error when no path leads to it.
        """
        fields = require_object(value, cls._known_keys, field)
        for name in cls._required_keys:
            if name not in fields:
                raise Invalid(name, "is missing")
        return fields

    def dump(self) -> dict[str, Any]:
        """Return the JSON object for Chat Mitra: every field that is set, without the unsent ones."""
        return self.model_dump(mode="json", exclude_none=True, exclude=set(self.unsent))

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show no field, so that no log line with a `repr` holds the content of a message."""
        return iter(())

    def unsent_fields(self) -> dict[str, Any]:
        """Return the unsent fields that differ from their defaults."""
        return self.model_dump(include=set(self.unsent), exclude_defaults=True) if self.unsent else {}

    def with_unsent_fields(self, fields: object) -> Self:
        """Return a copy with `fields`, as `unsent_fields` returned them. Raises Invalid for any other key."""
        return type(self)(**dict(self) | require_object(fields, self.unsent))


class RawMessage(StrictModel):
    """Base of the messages that need no template. WhatsApp delivers them only inside the 24-hour window.

    The window opens when the recipient writes to the business, and closes 24 hours after their last message.
    """

    kind: ClassVar[str]
    """The type of the message in the WhatsApp Cloud API."""

    if TYPE_CHECKING:  # pydantic's mypy plugin would write a constructor that knows no field of the subclasses

        def __init__(self, /, **fields: Any) -> None: ...

    @property
    def default_category(self) -> Category:
        """The category of an envelope with this message alone."""
        return "reply"

    def links(self) -> tuple[tuple[str, str], ...]:
        """Return the field of each link to a medium, and the link."""
        return ()

    def placeholders(self) -> Iterable[tuple[str, str]]:
        """Return the path of each field with a `$name` that Chat Mitra replaces by a value, and the name."""
        return ()

    def wire(self) -> dict[str, Any]:
        """Return the item for `messages` in Chat Mitra's request."""
        return {"kind": "raw", "payload": {"type": self.kind, self.kind: self.dump()}}
