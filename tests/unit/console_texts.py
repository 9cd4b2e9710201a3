"""The texts of the console that people read, as Babel finds them in the code and the templates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir

from config.settings import Settings
from harkara.ledger.messages.next_step import PLAIN
from harkara.ledger.users.acts import ACTS
from harkara.trace_sentences import SENTENCES

ROOT = Path(__file__).resolve().parents[2]

_PAGES = (("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python"))
_FORMS = (
    ("harkara/console", "**.py"),
    ("harkara/ledger", "lane_commands.py"),
    ("harkara/campaigns", "excel.py"),
    ("harkara/campaigns", "sheet.py"),
    ("harkara/ledger/campaigns", "commands.py"),
    ("harkara/ledger/campaigns", "uploads.py"),
    ("harkara/ledger/conversations", "drafts.py"),
    ("harkara/ledger/users", "**.py"),
    ("harkara/money", "amounts.py"),
    ("harkara/money", "spend.py"),
)
_MARKS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}

_REFUSALS = (
    ("harkara/ledger/users", "**.py"),
    ("harkara/backends", "ledger.py"),
    ("harkara/ledger/conversations", "commands.py"),
    ("harkara/ledger/conversations", "drafts.py"),
    ("harkara/ledger/conversations", "modes.py"),
    ("harkara/ledger/occasions", "calendar.py"),
    ("harkara/ledger/occasions", "remind.py"),
    ("harkara/ledger/personal", "**.py"),
    ("harkara/intake", "erasure.py"),
    ("harkara/ledger", "lane_commands.py"),
    ("harkara/ledger/campaigns", "queries.py"),
    ("harkara/ledger/charges", "budgets.py"),
)
"""Where an error says in a whole sentence why a form is refused."""


def texts() -> set[str]:
    """Return every text: of the pages, of the acts, of the settings, and of the errors that a form shows."""
    checks = _found("harkara/health", [("**.py", "python")], {"Check": (1, 3)})
    return {
        *_found("harkara/console", _PAGES, _MARKS),
        *ACTS.values(),
        *SENTENCES.values(),
        *PLAIN.values(),
        *(field.description or "" for field in Settings.model_fields.values()),
        *checks,
        *_error_texts(),
    }


def _found(folder: str, method_map: object, keywords: object) -> Iterator[str]:
    options = {"templates/**.html": {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}}
    for _, _, found, _, _ in extract_from_dir(ROOT / folder, method_map, options, keywords=keywords):  # type: ignore[arg-type]  # Babel's own types are narrower
        yield from found if isinstance(found, tuple) else (found,)


def _error_texts() -> Iterator[str]:
    for folder, files in _FORMS:
        yield from _found(folder, [(files, "python")], {"Invalid": (1, 2)})
    for folder, files in _REFUSALS:
        yield from _found(folder, [(files, "python")], {"Conflict": None, "NotFound": None})
