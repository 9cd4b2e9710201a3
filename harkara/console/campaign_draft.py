"""A campaign before it exists: what an operator has chosen so far, as the query of each page has it.

So each page can be loaded again, and the browser's way back works.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from harkara.campaigns.columns import TO, Column, FixedText, Source
from harkara.campaigns.sheet import suggest_mapping
from harkara.campaigns.steps import CampaignSteps
from harkara.catalogue import Catalogue
from harkara.console.forms import printable
from harkara.console.languages import N_
from harkara.errors import Invalid
from harkara.ledger.campaigns.create import CampaignRequest
from harkara.ledger.campaigns.uploads import Upload

COLUMN, TEXT = "column.", "text."
"""The fields of a parameter: its column, and the text that everyone gets if no column is chosen."""

OPTIONS = ("canary", "wave_share", "hold_out", "stop_loss")
"""The fields of the options: three shares in percent, and an amount of money."""

_PERCENT = re.compile(r"[1-9]|[1-4]\d|50")

AGREED = ("all", "recorded")
"""Who may get marketing: everyone in the list, who has agreed, or people whose agreement is recorded."""


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """The choices. `columns` and `texts` are by parameter, with `to` for the numbers; an empty one is not chosen."""

    kind: str
    name: str
    agreed: str
    columns: Mapping[str, str]
    texts: Mapping[str, str]
    options: Mapping[str, str]

    @classmethod
    def of(cls, query: QueryParams, catalogue: Catalogue, columns: Collection[str], name: str = "") -> Self:
        """Return the choices of a query. A parameter without a choice gets the column with the most similar name.

        The kind is empty for an unknown one. `name` is that of a campaign without one.
        """
        kind = query.get("template", "")
        kind = kind if kind in catalogue.kind else ""
        names = (TO, *catalogue.kind[kind].parameters) if kind else ()
        similar = suggest_mapping(columns, names)
        return cls(
            kind,
            " ".join(printable(query.get("name", name)).split())[:80],
            query.get("agreed", ""),
            {each: query.get(COLUMN + each, similar.get(each, "")) for each in names},
            {each: query.get(TEXT + each, "").strip() for each in names},
            {each: text for each in OPTIONS if (text := printable(query.get(each, "")).strip())},
        )

    def mapping(self) -> Mapping[str, Source]:
        """Return where the values come from. Raises Invalid, which names a parameter without a source."""
        return {name: self._source(name) for name in self.columns}

    def request(self, upload: Upload) -> CampaignRequest:
        """Return the campaign as the ledger creates it. Raises Invalid."""
        return CampaignRequest(
            name=self.name,
            lane=upload.lane,
            kind=self.kind,
            source=upload.name,
            mapping=self.mapping(),
            opted_in=self.agreed == "all",
            agreed_only=self.agreed == "recorded",
            steps=CampaignSteps(
                canary=self._share("canary"), wave_share=self._share("wave_share"), hold_out=self._share("hold_out")
            ),
            stop_loss=self.options.get("stop_loss"),
        )

    @property
    def query(self) -> str:
        """The choices as a query, of which `of` makes the same draft."""
        chosen = {"template": self.kind, "name": self.name, "agreed": self.agreed}
        chosen |= {COLUMN + name: column for name, column in self.columns.items()}
        return urlencode(chosen | {**self.options} | {TEXT + name: text for name, text in self.texts.items() if text})

    def _share(self, name: str) -> float | None:
        text = self.options.get(name)
        if text is None:
            return None
        if not _PERCENT.fullmatch(text):
            raise Invalid(name, N_("give whole percent, from 1 to 50"))
        return int(text) / 100

    def _source(self, name: str) -> Source:
        if column := self.columns[name]:
            return Column(column)
        if name == TO:
            raise Invalid("phone number", "choose the column that has it")
        if text := self.texts[name]:
            return FixedText(text)
        raise Invalid(name, N_("choose a column, or write the text for everyone"))
