"""The kinds of template of a deployment: load them from TOML, pass them on as JSON, and build messages."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError

from harkara.catalogue.approved_text import Preview
from harkara.catalogue.files import file_names, load_files
from harkara.catalogue.fill import Filler, Value
from harkara.catalogue.kind import Kind, KindName, ParameterFormat, ParameterName
from harkara.catalogue.model import Model
from harkara.errors import Invalid
from harkara.messages import Envelope, Template
from harkara.messages.template import TemplateCategory
from harkara.toml import Location, file_error, validate


class Catalogue(Model):
    """All kinds by name, and the formats of parameters by name."""

    kind: dict[KindName, Kind]
    parameter: dict[ParameterName, ParameterFormat] = Field(default_factory=dict)

    @classmethod
    def load(cls, *paths: Path) -> Self:
        """Load TOML files; a later one overrides single fields of those before.

        The approved text of a kind is left out when a later file gives the kind other parameters, another header or
        another language, and no text of its own: it would be the text of another template.

        Raises Invalid, which names the file, the entry and the field.
        """
        return validate(cls, load_files(paths), file_names(paths), _entry_name, paths)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote. Fields that a later release added are left out. Raises Invalid."""
        try:
            return cls.model_validate_json(text, extra="ignore")
        except ValidationError as error:
            raise file_error("catalogue", error, _entry_name) from error

    def to_json(self) -> str:
        """The catalogue as JSON, for `from_json`."""
        return self.model_dump_json(exclude_none=True)

    def kinds(self) -> tuple[str, ...]:
        """The names of all kinds, in the order of the files."""
        return tuple(self.kind)

    def find(self, kind: str) -> Kind:
        """The kind of this name. Raises Invalid, which suggests similar names."""
        if kind not in self.kind:
            near = difflib.get_close_matches(str(kind), self.kind, n=3)
            similar = f"similar are {', '.join(near)}; " if near else ""
            raise Invalid(
                "kind", f"is not in the catalogue; {similar}`harkara templates` and Catalogue.kinds() list all"
            )
        return self.kind[kind]

    def message(
        self, kind: str, parameters: Mapping[str, Value], *, language: str | None = None, opted_in: bool = False
    ) -> Template:
        """Build the template message of a kind from values by parameter name.

        `language` replaces the kind's own. `opted_in` states that the recipient agreed to marketing.

        Raises Invalid for an unknown kind, for a parameter that is unknown, missing or malformed, for a text that is
        too long once it is filled, and for marketing without `opted_in`.
        """
        found = self.find(kind)
        if found.category == "marketing" and opted_in is not True:
            rule = "is marketing, only for people who agreed to it: pass opted_in=True or --opted-in if this one did"
            raise Invalid(kind, rule)
        return Filler(kind, found, self.parameter, language).fill(parameters)

    def filler(self, kind: str, *, language: str | None = None) -> Filler:
        """Return what builds many messages of a kind, to people who agreed if it is marketing. Raises Invalid."""
        return Filler(kind, self.find(kind), self.parameter, language)

    def preview(self, message: Template) -> Preview | None:
        """Return the message as the customer reads it, None if the text of its name and language is not known here."""
        header = message.header if isinstance(message.header, str) else None
        for kind in self.kind.values():
            if kind.text and kind.name == message.name and kind.speaks(message.language):
                return kind.text.fill(header, message.body)
        return None

    def envelope(self, body: dict[str, Any], **options: Any) -> Envelope:
        """Read a request to Chat Mitra's `POST /send_message` as `Envelope.from_wire` does.

        A request does not name the category of its template, nor of its fallback. A template whose approved name is in
        the catalogue gets the category of its kind. Otherwise a one-time code would wait behind other messages, and
        stay in the ledger, and a fallback that is marketing would reach people who opted out of it.
        """
        envelope = Envelope.from_wire(body, **options)
        if envelope.fallback and envelope.fallback.category is None:
            category = self.category_of(envelope.fallback.name)
            envelope = envelope.with_validated(fallback=envelope.fallback.with_validated(category=category))
        names = (message.name for message in envelope.messages if isinstance(message, Template))
        delicate = self.category_of(*names)
        if delicate is None or options.get("category"):
            return envelope
        return Envelope.from_wire(body, **options | {"category": delicate, "fallback": envelope.fallback})

    def category_of(self, *names: str) -> TemplateCategory | None:
        """Return the category whose rules matter most among the kinds with these approved names; None for utility."""
        known = {kind.category for kind in self.kind.values() if kind.name in names}
        categories: tuple[TemplateCategory, ...] = ("authentication", "marketing")
        return next((category for category in categories if category in known), None)

    def may_hold_code(self, text: str) -> bool:
        """Whether this JSON names the category of one-time codes, or one of its kinds or approved templates."""
        category: TemplateCategory = "authentication"
        codes = {key: kind.name for key, kind in self.kind.items() if kind.category == category}
        return any(json.dumps(name) in text for name in {category, *codes, *codes.values()})


def _entry_name(where: Location) -> str:
    match [step for step in where if step != "[key]"]:
        case [str(table), str(name), *field]:
            return f"{table} {name}" + (f": {'.'.join(map(str, field))}" if field else "")
        case steps:
            return ".".join(map(str, steps)) or "the file"
