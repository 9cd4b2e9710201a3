"""Compare the figures of an answer with those of its sources."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harkara.assistant.figures import AnswerFigure, find_figures

_ENUMERATION = re.compile(r"(?m)^\s*[0-9]{1,2}[.)]\s")

_LINK = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]{1,10}://|www\.)\S+")

_ALSO = {
    "price": ("price", "number"),
    "percent": ("percent", "number"),
    "quantity": ("quantity", "number"),
    "phone": ("phone", "number"),
    "number": ("number", "quantity", "price", "percent", "phone"),
}
"""As which kinds a source may name a figure: results of lookups have numbers without a unit."""


def first_ungrounded(answer: str, sources: Iterable[str], asked: str = "") -> AnswerFigure | None:
    """Return the first figure of the answer that no source has, or None.

    A number without a unit or a code, such as that of an order, may also come from what the customer `asked`.
    """
    texts = tuple(sources)
    if changed := _changed_link(answer, texts):
        return changed
    known = [figure for source in texts for figure in find_figures(source)]
    named = [one for one in find_figures(asked) if one.kind in ("number", "code", "phone")]
    return next(
        (
            figure
            for figure in find_figures(_ENUMERATION.sub("", answer))
            if not any(_is_same(figure, other) for other in known)
            and not (figure.kind in ("number", "code") and any(_is_named(figure, other) for other in named))
        ),
        None,
    )


def _changed_link(answer: str, sources: tuple[str, ...]) -> AnswerFigure | None:
    """A link that differs from that of the source in a capital letter, or in a letter that resembles it."""
    for match in _LINK.finditer(answer):
        link = match[0].rstrip(".,;:!?)'\"।/")
        place = re.compile(rf"(?<![^\s(\"'\[:]){re.escape(link)}/?(?![^\s).,;:!?'\"\]।])")
        if not any(place.search(source) for source in sources):
            return AnswerFigure("link", link)
    return None


def _is_named(figure: AnswerFigure, other: AnswerFigure) -> bool:
    return figure.value == other.value


def _is_same(figure: AnswerFigure, known: AnswerFigure) -> bool:
    if known.kind not in _ALSO.get(figure.kind, (figure.kind,)) or figure.value != known.value:
        return False
    if figure.kind == "date":
        return not figure.unit or figure.unit == known.unit
    if figure.kind == "time" or (figure.kind == known.kind and figure.kind in ("quantity", "price")):
        return not figure.unit or not known.unit or figure.unit == known.unit
    return True
