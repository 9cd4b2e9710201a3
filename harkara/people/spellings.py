"""The spellings of one phone number in countries whose numbers WhatsApp knows with and without some digits."""

from __future__ import annotations

import re
from collections.abc import Callable

import phonenumbers

# Brazil: mobile numbers got a ninth digit, a 9 in front (ANATEL, Resolução 553/2010). WhatsApp still uses the old
# number for older accounts of most areas (wwebjs/whatsapp-web.js issue 596). Landlines begin with 2 to 5.
_BRAZIL = re.compile(r"55([1-9]{2})9?([6-9]\d{7})", re.ASCII)

# Mexico: a 1 preceded mobile numbers until August 2019, and WhatsApp still uses it (chatwoot pull request 14174).
_MEXICO = re.compile(r"521?([2-9]\d{9})", re.ASCII)

# Argentina: international mobile numbers have a 9 that webhooks and applications omit (chatwoot's normalizer of
# Argentina). Within the country they have a 15 after the area code, which Meta's list of test recipients uses.
_ARGENTINA = re.compile(r"549?([1-3]\d{9})", re.ASCII)
_ARGENTINA_15 = re.compile(r"54[1-3]\d{1,3}15\d{6,8}", re.ASCII)

# Benin: 01 precedes all numbers since 30 November 2024 (mobi/telephone_number issue 138).
_BENIN = re.compile(r"229(?:01)?(\d{8})", re.ASCII)


def spellings(name: str) -> tuple[str, ...]:
    """Return every spelling of a number, the canonical one first; of any other name only the name itself.

    `name` is digits with the country code, or another name of a person. Two different spellings are always one number,
    never the numbers of two people.
    """
    if not name.startswith(_CODES):
        return (name,)
    of_country = next(of_country for code, of_country in _COUNTRIES.items() if name.startswith(code))
    return of_country(name) or (name,)


def canonical(name: str) -> str:
    """Return the one spelling that stands for all spellings of a number."""
    return spellings(name)[0]


def _brazil(number: str) -> tuple[str, ...]:
    found = _BRAZIL.fullmatch(number)
    return (f"55{found[1]}9{found[2]}", f"55{found[1]}{found[2]}") if found else ()


def _mexico(number: str) -> tuple[str, ...]:
    found = _MEXICO.fullmatch(number)
    return (f"52{found[1]}", f"521{found[1]}") if found else ()


def _argentina(number: str) -> tuple[str, ...]:
    if len(number) == 14 and _ARGENTINA_15.fullmatch(number):
        number = _without_15(number)
    found = _ARGENTINA.fullmatch(number)
    if found is None:
        return ()
    international = f"549{found[1]}"
    area = phonenumbers.length_of_geographical_area_code(phonenumbers.parse(f"+{international}")) - 1  # without the 9
    domestic = (f"54{found[1][:area]}15{found[1][area:]}",) if area > 0 else ()
    return international, f"54{found[1]}", *domestic


def _without_15(number: str) -> str:
    """Return the international form of a number with 15, which the numbering plan finds behind the area code."""
    parsed = phonenumbers.parse(f"+{number}")
    return f"54{phonenumbers.national_significant_number(parsed)}"


def _benin(number: str) -> tuple[str, ...]:
    found = _BENIN.fullmatch(number)
    return (f"22901{found[1]}", f"229{found[1]}") if found else ()


_COUNTRIES: dict[str, Callable[[str], tuple[str, ...]]] = {
    "55": _brazil,
    "52": _mexico,
    "54": _argentina,
    "229": _benin,
}
_CODES = tuple(_COUNTRIES)
