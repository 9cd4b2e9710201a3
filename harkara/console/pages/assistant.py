"""Assistant: what it may do, its figures, the drafts that wait, and the questions that it could not answer."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from harkara.assistant.knowledge.faq_import import dump_question
from harkara.assistant.knowledge.gaps import group_gaps
from harkara.chatmitra.webhooks import parse
from harkara.console.assistant_view import CAUSES
from harkara.console.charts import Bar, bars
from harkara.console.languages import N_
from harkara.console.visitors import SignedIn, Viewer
from harkara.ledger.conversations.gaps import list_unanswered
from harkara.ledger.conversations.proposals import list_drafts
from harkara.ledger.conversations.report import MOST_TURNS, get_report

DAYS: Final = (1, 7, 30)
"""The periods that a page offers."""

MOST_QUESTIONS: Final = 200
"""Turns without an answer that the page reads: each costs a look-up, and the removal of what is personal."""

ROWS: Final = 50

SOURCES: Final[Mapping[str, str]] = {
    "rule": N_("fixed sentences"),
    "cache": N_("FAQ, asked before"),
    "faq": N_("FAQ"),
    "model": N_("language model"),
    "backup": N_("backup text"),
}
DECISIONS: Final[Mapping[str, str]] = {
    "unchanged": N_("sent as they were"),
    "edited": N_("edited and sent"),
    "discarded": N_("discarded"),
    "dropped": N_("overtaken by the customer or a person"),
    "undecided": N_("waiting"),
}

router = APIRouter()

Days = Annotated[int, Query(ge=1, le=30)]


@router.get("/assistant")
def assistant(visitor: Viewer, days: Days = 7) -> Response:
    """Show the rollout, the figures of some days and the drafts that wait."""
    console, rules = visitor.console, visitor.console.assistant
    report = get_report(console.db, visitor.lanes, days=days)
    return visitor.page(
        "assistant.html",
        rules=rules,
        lanes=[lane for lane in visitor.lanes if lane in rules.lanes],
        currency=console.files().prices.currency,
        report=report,
        spent=Decimal(report.spent),
        sources=_bars(visitor, report.answered_by, SOURCES),
        causes=_bars(visitor, report.handed_over_by, CAUSES),
        decided=_bars(visitor, report.drafts, DECISIONS),
        drafts=list_drafts(console.db, visitor.lanes, limit=ROWS),
        days=days,
        periods=DAYS,
        most=MOST_TURNS,
    )


@router.get("/assistant/gaps")
def gaps(visitor: Viewer, days: Days = 30) -> Response:
    """Show the questions without an answer, each with the entry of the FAQ that it needs."""
    asked = list_unanswered(visitor.console.db, visitor.lanes, parse, days=days, limit=MOST_QUESTIONS)
    found = group_gaps(asked)[:ROWS]
    return visitor.page(
        "assistant_gaps.html",
        gaps=[(gap, dump_question(gap.question)) for gap in found],
        erased=sum(not each.texts for each in asked),
        most=MOST_QUESTIONS,
        days=days,
        periods=DAYS,
    )


def _bars(visitor: SignedIn, counts: Mapping[str, int], labels: Mapping[str, str]) -> list[Bar]:
    translate = visitor.language.texts.gettext
    return bars([(translate(labels.get(name, name)), number, None) for name, number in counts.items()])
