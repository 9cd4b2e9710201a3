"""The kinds of a deployment by name: read from its files, handed on as JSON, and made into messages."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError

from harkara.catalogue.fill import Value, fill
from harkara.catalogue.kind import Form, Kind, KindName, Model, ParameterName
from harkara.errors import Invalid
from harkara.messages import Envelope, Template
from harkara.toml import Location, file_error, load_toml, validate

_DEPTH = 3
"""Files are laid over each other down to the fields of an entry, such as kind, order_confirmation, language."""


class Catalogue(Model):
    """Every kind, and the forms that parameters must have."""

    kind: dict[KindName, Kind]
    parameter: dict[ParameterName, Form] = Field(default_factory=dict)

    @classmethod
    def load(cls, *paths: Path) -> Self:
        """Reads TOML files, a later one laid over those before. Raises Invalid, which names entry and field."""
        files = " + ".join(path.name for path in paths)
        data: Any = {}
        for path in paths:
            data = _laid_over(data, load_toml(path), _DEPTH)
        if isinstance(data.get("kind"), dict):
            data["kind"] = {name: _whole(files, name, own, data["kind"]) for name, own in data["kind"].items()}
        return validate(cls, data, files, _place)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads what `to_json` wrote, also in a later release: fields that are not known yet are left out."""
        try:
            return cls.model_validate_json(text, extra="ignore")
        except ValidationError as error:
            raise file_error("catalogue", error, _place) from error

    def to_json(self) -> str:
        """The whole catalogue, for `from_json`."""
        return self.model_dump_json(exclude_none=True)

    def kinds(self) -> tuple[str, ...]:
        """Their names, in the order of the files."""
        return tuple(self.kind)

    def find(self, kind: str) -> Kind:
        """Raises Invalid, with the names nearest to this one."""
        if kind not in self.kind:
            near = difflib.get_close_matches(str(kind), self.kind, n=3)
            meant = f"near to it are {', '.join(near)}; " if near else ""
            raise Invalid("kind", f"is not in the catalogue; {meant}`harkara templates` and Catalogue.kinds() list all")
        return self.kind[kind]

    def message(
        self, kind: str, parameters: Mapping[str, Value], *, language: str | None = None, opted_in: bool = False
    ) -> Template:
        """The template of this kind, its parameters put in their places by name.

        Raises Invalid for a kind or a parameter that is unknown, missing or not as it has to be, and for marketing
        unless `opted_in` says that the recipient agreed to it.
        """
        found = self.find(kind)
        if found.category == "marketing" and opted_in is not True:
            rule = "is marketing, only for people who agreed to it: opted_in=True or --opted-in says that this one did"
            raise Invalid(kind, rule)
        return fill(kind, found, parameters, self.parameter, language)

    def envelope(self, body: dict[str, Any], **options: Any) -> Envelope:
        """Reads a request to Chat Mitra's `POST /send_message` as `Envelope.from_wire` does.

        A request does not say what its template is. One whose approved name stands here has the category of its kind:
        else a one-time code that a program sends as a mere template would wait behind others, and never be blanked.
        """
        envelope = Envelope.from_wire(body, **options)
        names = {message.name for message in envelope.messages if isinstance(message, Template)}
        known = {kind.category for kind in self.kind.values() if kind.name in names}
        delicate = next((category for category in ("authentication", "marketing") if category in known), None)
        if delicate is None or options.get("category"):
            return envelope
        return Envelope.from_wire(body, **options | {"category": delicate})


def _laid_over(below: Any, above: Any, depth: int) -> Any:
    if depth == 0 or not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {key: _laid_over(below.get(key), value, depth - 1) for key, value in above.items()}


def _whole(files: str, name: str, own: Any, kinds: Mapping[str, Any]) -> Any:
    """An entry with what it has from the one that it is like, and a name."""
    if not isinstance(own, dict):
        return own
    model: Any = {}
    if "like" in own:
        model = kinds.get(str(own["like"]))
        if not isinstance(model, dict) or "like" in model:
            raise Invalid(f"{files}, kind {name}: like", f"{own['like']} is no kind that stands for itself")
    return {"name": name} | {field: value for field, value in model.items() if field != "name"} | own


def _place(where: Location) -> str:
    match [step for step in where if step != "[key]"]:
        case [str(table), str(name), *field]:
            return f"{table} {name}" + (f": {'.'.join(map(str, field))}" if field else "")
        case steps:
            return ".".join(map(str, steps)) or "the file"
