"""The kinds of template of a deployment: load them from TOML, pass them on as JSON, and build messages."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError

from harkara.catalogue.fill import Value, fill
from harkara.catalogue.kind import Kind, KindName, Model, ParameterFormat, ParameterName
from harkara.errors import Invalid
from harkara.messages import Envelope, Template
from harkara.toml import Location, file_error, load_toml, validate

_DEPTH = 3
"""Files are merged down to the fields of an entry, such as kind, order_confirmation, language."""


class Catalogue(Model):
    """All kinds by name, and the formats of parameters by name."""

    kind: dict[KindName, Kind]
    parameter: dict[ParameterName, ParameterFormat] = Field(default_factory=dict)

    @classmethod
    def load(cls, *paths: Path) -> Self:
        """Load TOML files; a later one overrides single fields of those before.

        Raises Invalid, which names the file, the entry and the field.
        """
        files = " + ".join(path.name for path in paths)
        data: Any = {}
        for path in paths:
            data = _merge(data, load_toml(path), _DEPTH)
        if isinstance(data.get("kind"), dict):
            data["kind"] = {name: _inherit(files, name, own, data["kind"]) for name, own in data["kind"].items()}
        return validate(cls, data, files, _entry_name)

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

        Raises Invalid for an unknown kind, for a parameter that is unknown, missing or malformed, and for marketing
        without `opted_in`.
        """
        found = self.find(kind)
        if found.category == "marketing" and opted_in is not True:
            rule = "is marketing, only for people who agreed to it: pass opted_in=True or --opted-in if this one did"
            raise Invalid(kind, rule)
        return fill(kind, found, parameters, self.parameter, language)

    def envelope(self, body: dict[str, Any], **options: Any) -> Envelope:
        """Read a request to Chat Mitra's `POST /send_message` as `Envelope.from_wire` does.

        A request does not name the category of its template. A template whose approved name is in the catalogue gets
        the category of its kind. Otherwise a one-time code would wait behind other messages, and stay in the ledger.
        """
        envelope = Envelope.from_wire(body, **options)
        names = {message.name for message in envelope.messages if isinstance(message, Template)}
        known = {kind.category for kind in self.kind.values() if kind.name in names}
        delicate = next((category for category in ("authentication", "marketing") if category in known), None)
        if delicate is None or options.get("category"):
            return envelope
        return Envelope.from_wire(body, **options | {"category": delicate})


def _merge(base: Any, override: Any, depth: int) -> Any:
    if depth == 0 or not isinstance(base, dict) or not isinstance(override, dict):
        return override
    return base | {key: _merge(base.get(key), value, depth - 1) for key, value in override.items()}


def _inherit(files: str, name: str, own: Any, kinds: Mapping[str, Any]) -> Any:
    """An entry with the fields of the kind that its `like` names, and with a template name."""
    if not isinstance(own, dict):
        return own
    model: Any = {}
    if "like" in own:
        model = kinds.get(str(own["like"]))
        if not isinstance(model, dict) or "like" in model:
            raise Invalid(f"{files}, kind {name}: like", f"{own['like']} is not a kind without `like` of its own")
    return {"name": name} | {field: value for field, value in model.items() if field != "name"} | own


def _entry_name(where: Location) -> str:
    match [step for step in where if step != "[key]"]:
        case [str(table), str(name), *field]:
            return f"{table} {name}" + (f": {'.'.join(map(str, field))}" if field else "")
        case steps:
            return ".".join(map(str, steps)) or "the file"
