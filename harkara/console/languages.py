"""The languages of the pages: their texts, and how they write numbers, rupees, dates and times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from babel.support import Translations
from fastapi import Request

from harkara.console.sentences import Sentences, load_sentences
from harkara.ledger.messages.search import Count
from harkara.ledger.users.user import User

LOCALES = Path(__file__).parent / "locales"

LANGUAGES: Final = {"en": "English", "hi": "हिन्दी"}
"""The name of each language in itself. English is in the code, and each other one in a folder of LOCALES, by page."""

MOST_COUNTED = 10_000
"""Larger counts are not exact: a page says `10,000+`, and a query counts no further."""


def N_(text: str) -> str:
    """Mark a text for the catalogues. It is translated where a page shows it."""
    return text


@dataclass(frozen=True)
class Language:
    """A language, as it is written in India."""

    code: str
    locale: Locale
    texts: NullTranslations
    sentences: Sentences

    def said(self, text: str, zone: tzinfo | None = None) -> str | None:
        """Return a sentence that is kept in English in this language; None if it has no translation.

        Its amounts, numbers and times are written as the pages write them. An exact time gets the zone, if given.
        """
        if not text:
            return None  # the translation of an empty text is the head of the catalogue
        found = self.sentences.find(text, lambda name, value: self._shown(name, value, zone))
        if found is None and (translated := self.texts.gettext(text)) != text:
            return translated
        return found

    def _shown(self, name: str, value: str, zone: tzinfo | None) -> str:
        """Return a value of a sentence. `name` is that of its placeholder."""
        match name:
            case "number":
                return self.number(Decimal(value.rstrip("+").replace(",", ""))) + value[len(value.rstrip("+")) :]
            case "money":
                amount, currency = value.split()
                return self.money(Decimal(amount.replace(",", "")), currency)
            case "at" if "T" in value:
                at = datetime.fromisoformat(value)
                return self.moment(at.astimezone(zone) if zone else at)
            case "at":
                # A leap year, since `29 Feb 09:00` has none.
                day, _, clock = value.rpartition(" ")
                at = datetime.strptime(f"2000 {day or '1 Jan'} {clock}", "%Y %d %b %H:%M")
                return f"{self.day(at)}, {self.clock(at)}" if day else self.clock(at)
            case _:
                return value

    def number(self, value: float | Decimal) -> str:
        """Return a number with lakh grouping, such as `12,34,567`."""
        if 0 <= value < 1000 and value % 1 == 0:  # most numbers; Babel takes 10 microseconds for each
            return str(int(value))
        return format_decimal(value, locale=self.locale)

    def count(self, value: int) -> str:
        """Return a count, exact up to MOST_COUNTED."""
        return f"{self.number(MOST_COUNTED)}+" if value > MOST_COUNTED else self.number(value)

    def counted(self, value: Count) -> str:
        """Return a number of rows, with a plus if there are more."""
        return self.number(value.number) + ("" if value.exact else "+")

    def percent(self, share: float, places: int = 0) -> str:
        """Return a share such as `82%`, or `0.4%` with a place after the point."""
        return format_percent(share, f"#,##,##0.{'0' * places}%" if places else None, locale=self.locale)

    def money(self, value: float | Decimal, currency: str) -> str:
        """Return an amount such as `₹1,23,456.50` or `$1,234.50`; half a cent is rounded up, as by the command."""
        with localcontext(rounding=ROUND_HALF_UP):
            return format_currency(value, currency, locale=self.locale)

    def moment(self, value: datetime) -> str:
        """Return date and time such as `29 Nov 2026, 10:02 am`, in the zone that the value has."""
        return _plain(format_datetime(value, "d MMM y, h:mm a", locale=self.locale))

    def clock(self, value: datetime) -> str:
        """Return a time of the day such as `3:35 pm`, in the zone that the value has."""
        return _plain(format_datetime(value, "h:mm a", locale=self.locale))

    def hour(self, value: datetime) -> str:
        """Return an hour of the day such as `3 pm`, in the zone that the value has."""
        return _plain(format_datetime(value, "h a", locale=self.locale))

    def day(self, value: date) -> str:
        """Return a day such as `29 Nov`."""
        return _plain(format_date(value, "d MMM", locale=self.locale))

    def weekday(self, value: date) -> str:
        """Return a day with its weekday, such as `Sun, 29 Nov`."""
        return _plain(format_date(value, "EEE, d MMM", locale=self.locale))

    def long_day(self, value: date) -> str:
        """Return a day such as `Sunday, 29 Nov 2026`."""
        return _plain(format_date(value, "EEEE, d MMM y", locale=self.locale))

    def duration(self, seconds: float) -> str:
        """Return a time span in its largest unit, such as `6 hours`."""
        return format_timedelta(round(seconds), threshold=1.5, locale=self.locale)


@cache
def language(code: str) -> Language:
    """Return the language of a code of LANGUAGES."""
    locale = Locale(code, "IN")
    texts = NullTranslations()
    for catalogue in catalogues(code):
        compiled = BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        page = Translations(compiled)
        page.add_fallback(texts)
        texts = page
    return Language(code, locale, texts, Sentences(_sentences(code)))


def _sentences(code: str) -> Mapping[str, str]:
    """Return the sentences of a language. Those of English are what the others translate: only values change."""
    if code != "en":
        return load_sentences(LOCALES / code / "sentences")
    others = (load_sentences(LOCALES / other / "sentences") for other in LANGUAGES if other != code)
    return {text: text for texts in others for text in texts}


def catalogues(code: str) -> Iterator[Catalog]:
    """Yield the texts of a language, one catalogue for each file. English has none."""
    for file in sorted((LOCALES / code).glob("*.po")):
        with file.open("rb") as source:
            yield read_po(source, code)


def language_of(request: Request, user: User | None) -> Language:
    """Return the language that the user chose, else that of the query's `lang`, else the browser's."""
    chosen = user.language if user else request.query_params.get("lang")
    return language(chosen if chosen in LANGUAGES else _of_browser(request.headers.get("Accept-Language", "")))


def _of_browser(header: str) -> str:
    """Return the first language of the header that the pages have. Browsers sort it by preference."""
    codes = (part.split(";")[0].split("-")[0].strip().lower() for part in header.split(","))
    return next((code for code in codes if code in LANGUAGES), "en")


def _plain(text: str) -> str:
    """Replace the narrow and no-break spaces of CLDR."""
    return " ".join(text.split())
