"""Render templates: what every page has, and the filters that write values in the user's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from harkara.console.bubbles import MEDIA, STATES
from harkara.console.bubbles.markup import whatsapp
from harkara.console.languages import LANGUAGES, Language
from harkara.console.static_files import static_path
from harkara.health.check import Check
from harkara.ledger.users.acts import ACTS
from harkara.masking import mask_numbers
from harkara.money.amounts import from_micros
from harkara.version import __version__

if TYPE_CHECKING:
    from harkara.console.visitors import Visitor

_SENTENCES_OF_CHECKS = ("reason", "state")

_COMMAND = re.compile(r"`([^`]+)`")
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]*")
"""A code before the sentence of a trace: of Harkara, WhatsApp or HTTP, or an id."""


def render(visitor: Visitor, template: str, values: Mapping[str, Any]) -> str:
    """Return the page. Every template has `visitor`, `user` (None for a stranger), `base`, `pages` and `notice`."""
    user = visitor.known
    path = visitor.request.scope["path"].removeprefix(visitor.base)
    frame = {
        "visitor": visitor,
        "user": user,
        "base": visitor.base,
        "token": lambda: Markup('<input type="hidden" name="token" value="{}">').format(visitor.token),
        "path": path,
        "zone": visitor.console.zone,
        "pages": [page for page in visitor.request.app.state.navigation if user and user.role.permits(page.role)],
        "notice": ACTS.get(visitor.request.query_params.get("done", "")) if visitor.request.method == "GET" else None,
    }
    return environment(visitor.language).get_template(template).render(frame | dict(values))


@cache
def environment(language: Language) -> Environment:
    """Return what renders the templates in a language."""
    made = Environment(
        loader=PackageLoader("harkara.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(language.texts.gettext, language.texts.ngettext, newstyle=True)  # type: ignore[attr-defined]  # of the extension
    made.globals |= {"language": language, "languages": LANGUAGES, "static": static_path, "version": __version__}
    made.globals |= {"bubble_states": STATES, "bubble_media": MEDIA}
    made.filters |= {
        "number": language.number,
        "clock": language.clock,
        "count": language.count,
        "counted": language.counted,
        "duration": language.duration,
        "instant": datetime.fromisoformat,
        "micros": lambda micros, currency: language.money(from_micros(micros), currency),
        "money": language.money,
        "percent": language.percent,
        "mask": mask_numbers,
        "moment": _moment,
        "checked": _checked,
        "commands": _commands,
        "said": _said,
        "soon": _soon,
        "traced": _traced,
        "long_day": language.long_day,
        "weekday": language.weekday,
        "whatsapp": whatsapp,
    }
    made.tests["timed"] = lambda at: isinstance(at, datetime)  # a whole day is a date alone
    return made


@pass_context
def _moment(context: Context, value: datetime) -> Markup:
    """Return a time as people read it, in the zone of the deployment, with the exact one for programs."""
    language: Language = context["language"]
    return _time(value, language.moment(value.astimezone(context["zone"])))


@pass_context
def _said(context: Context, text: str, *, masked: bool = True) -> str:
    """Return a sentence that is kept in English in the user's language, with phone numbers `masked`.

    One without a translation is marked as English, since screen readers read it aloud.
    """
    language: Language = context["language"]
    found = language.said(text, context["zone"])
    shown = mask_numbers(found or text) if masked else found or text
    return shown if found or language.code == "en" or not text else Markup('<span lang="en">{}</span>').format(shown)


@pass_context
def _traced(context: Context, text: str) -> str:
    """Return the detail of a line of a trace. The codes before its sentence stay as they are."""
    language: Language = context["language"]
    codes, rest = "", text
    while rest:
        if found := language.said(rest, context["zone"]):
            return codes + mask_numbers(found)
        code, _, rest = rest.partition(" ")
        if not _CODE.fullmatch(code):
            return _said(context, text)
        codes += f"{code} "
    return mask_numbers(text)


@pass_context
def _checked(context: Context, check: Check) -> str:
    """Return the finding of a check, with those of its values that are sentences in the user's language."""
    language: Language = context["language"]
    values = {
        name: (language.said(str(value), context["zone"]) if name in _SENTENCES_OF_CHECKS else None) or value
        for name, value in check.values.items()
    }
    return _commands(language.texts.gettext(check.text) % values if values else language.texts.gettext(check.text))


def _commands(text: str) -> Markup:
    """Return a sentence whose commands, which stand between backquotes, are marked as code."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(text))))  # a Markup would escape the tags


@pass_context
def _soon(context: Context, value: datetime) -> Markup:
    """Return the same without the date if the time is today."""
    language: Language = context["language"]
    zone: ZoneInfo = context["zone"]
    local = value.astimezone(zone)
    today = local.date() == datetime.now(zone).date()
    return _time(value, language.clock(local) if today else language.moment(local))


def _time(value: datetime, shown: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(timespec="seconds"), shown)
