"""Turn a phone number as people write it into the digits that Chat Mitra expects."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

from harkara.errors import Invalid
from harkara.people.spellings import spellings

# Chat Mitra docs, Request Body Parameters: country code and number, 10 to 15 digits.
_SHORTEST, _LONGEST = 10, 15

_LONGEST_INPUT = 64
_MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
_NOTHING = re.compile(r"(?!)")

# Numbers that a spreadsheet changed: 9.19877E+11 lost its last digits, 919876543210.0 and 9876543210.5 gained some.
# Without its point, 912345678.0 would be the valid number of someone else.
_SPREADSHEET = re.compile(r"[+-]?\d+(?:[.,]\d+)?e[+-]?\d+|\+?\d{7,}[.,]\d{1,6}", re.IGNORECASE)


class E164(str):
    """Digits that begin with their country code, as `normalize` returns them; it returns an E164 unchanged."""

    __slots__ = ()


def normalize(number: str, region: str = "IN", *, strict: bool = True, with_country_code: bool = False) -> E164:
    """Return the E.164 digits of `number` without a plus, such as 919876543210.

    Spaces, dashes, dots, parentheses, invisible marks and one prefix 0 or 00 are removed. Digits of any script are
    accepted. A number with `+` or `00` has its country code. One without is, in this order, a mobile number of
    `region`, digits with a country code, or another number of `region`. In India `9123456789` becomes 919123456789
    although it begins with 91, and `12025550123` stays American.

    The spellings that WhatsApp uses for a valid number are accepted, and left as they are: 553188888888 of Brazil, the
    old form of 5531988888888, is the sender of a message and may be its recipient.

    Some digits are ambiguous: 65 8112 3456 is a number of Singapore, and 6581123456 is an Indian mobile number.

    Args:
        number: What a person typed, at most 64 characters.
        region: Two letters of the country of numbers without a country code.
        strict: True accepts only numbers of the country's numbering plan, False any number of a possible length.
        with_country_code: True for a source that promises the country code but writes no `+`. Ambiguous digits are
            refused then.

    Raises:
        Invalid: For the field `to`, or `region`. The error never quotes the number.
    """
    if isinstance(number, E164):
        return number
    if not isinstance(number, str):
        raise Invalid(
            "to", "must be text: the digits with the country code", f"this is of type {type(number).__name__}"
        )
    return E164(_clean_mobile(number, region, with_country_code) or _parse(number, region, strict, with_country_code))


def _clean_mobile(number: str, region: str, with_country_code: bool) -> str | None:
    """The digits of a region's mobile number that needs no cleaning; much faster than the library's parser."""
    code, mobile = _mobile_pattern(region)
    if mobile.fullmatch(number):
        return None if with_country_code else code + number
    signed = number.startswith("+")
    if number.startswith(code, signed) and mobile.fullmatch(number, signed + len(code)):
        return number[signed:]
    return None


@lru_cache
def _mobile_pattern(region: str) -> tuple[str, re.Pattern[str]]:
    """The calling code of a region, and the pattern of its mobile numbers from the phonenumbers library.

    The pattern matches nothing where the result needs the parser: for a prefix that the parser removes, for a calling
    code of several regions, and for a number too short for Chat Mitra.
    """
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region.upper(), None)
    if plan is None:
        raise Invalid("region", "must be the two letters of a country, such as IN")
    code, mobile = str(plan.country_code), plan.mobile and plan.mobile.national_number_pattern
    if not mobile or phonenumbers.region_code_for_country_code(int(code)) != plan.id:
        return code, _NOTHING
    prefix = f"(?!{plan.national_prefix_for_parsing})" if plan.national_prefix_for_parsing else ""
    return code, re.compile(rf"(?=\d{{{_SHORTEST - len(code)}}}){prefix}(?:{mobile})", re.ASCII)


def _parse(number: str, region: str, strict: bool, with_country_code: bool) -> str:
    digits, international = _clean(number)
    clean = f"+{digits}" if international else digits
    return _clean_mobile(clean, region, with_country_code) or parse_digits(clean, region, strict, with_country_code)


def parse_digits(clean: str, region: str, strict: bool, with_country_code: bool) -> str:
    """Do the same for digits, with a + before a country code, by the numbering plans alone."""
    digits, international = clean.removeprefix("+"), clean.startswith("+")
    home = None if international else _parse_with(digits, region.upper())
    abroad = _parse_with("+" + (digits if international else digits.removeprefix("0")), None)
    candidates = list(_candidates(digits, home, abroad, strict))
    if not candidates and _is_other_spelling(digits):
        return digits
    if not candidates:
        raise _error(digits, home, abroad)
    if with_country_code and any(other != candidates[0] for other in candidates):
        raise Invalid("to", "can be read as two numbers; write it with + and the country code")
    e164 = phonenumbers.format_number(candidates[0], PhoneNumberFormat.E164)[1:]
    if len(e164) < _SHORTEST:
        raise _too_short(e164)
    return e164


def _clean(number: str) -> tuple[str, bool]:
    """The ASCII digits of a number, and whether a + or 00 precedes them, so that they begin with a country code."""
    if len(number) > _LONGEST_INPUT:
        raise Invalid(
            "to", f"must be one phone number of at most {_LONGEST} digits", f"this has {len(number):,} characters"
        )
    if _SPREADSHEET.fullmatch(number.strip()):
        raise Invalid("to", "was changed by a spreadsheet; format the column as text and fill in the number again")
    compact = "".join(mark for mark in number if not _is_separator(mark))
    digits = compact.removeprefix("+")
    if letters := sum(mark.isalpha() for mark in digits):
        raise Invalid("to", "must have no letters", f"this has {letters}")
    if not digits:
        raise Invalid("to", "must not be empty")
    if not digits.isdecimal():
        raise Invalid("to", "may have only digits, spaces, dashes, dots, parentheses and one + in front")
    digits = "".join(str(unicodedata.decimal(digit)) for digit in digits)
    if compact.startswith("+"):
        return digits, True
    return digits.removeprefix("00"), digits.startswith("00")


def _is_separator(mark: str) -> bool:
    """Whether it is a space, a dash of any kind, or an invisible direction mark, which copied contacts contain."""
    return mark in ".()\u2212" or mark.isspace() or unicodedata.category(mark) in ("Pd", "Cf")


def _parse_with(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _candidates(
    digits: str, home: PhoneNumber | None, abroad: PhoneNumber | None, strict: bool
) -> Iterator[PhoneNumber]:
    """The numbers that the digits can mean, the most likely first. A leading 0 is a national prefix."""
    domestic = home and (digits.startswith("0") or phonenumbers.number_type(home) in _MOBILE)
    for number in (home, abroad) if domestic else (abroad, home):
        if number and phonenumbers.is_valid_number(number):
            yield number
    if strict:
        return
    for number in (home, abroad):
        if number and _mobile_length(number) == ValidationResult.IS_POSSIBLE:
            yield number


def _is_other_spelling(digits: str) -> bool:
    """Whether WhatsApp uses these digits for a valid number, as the sender of a message or in its own contacts."""
    others = (_parse_with(f"+{other}", None) for other in spellings(digits) if other != digits)
    return any(number is not None and phonenumbers.is_valid_number(number) for number in others)


def _mobile_length(number: PhoneNumber) -> int:
    return phonenumbers.is_possible_number_for_type_with_reason(number, PhoneNumberType.MOBILE)


def _error(digits: str, home: PhoneNumber | None, abroad: PhoneNumber | None) -> Invalid:
    if len(digits) < _SHORTEST:
        return _too_short(digits)
    if len(digits) > _LONGEST:
        return Invalid("to", f"is too long: at most {_LONGEST} digits with the country code", f"this has {len(digits)}")
    fits_home = home and _mobile_length(home) == ValidationResult.IS_POSSIBLE
    number = home if fits_home else abroad or home
    if number is None:
        return Invalid("to", "begins with no country code that exists")
    length = len(phonenumbers.national_significant_number(number))
    fault = {ValidationResult.TOO_SHORT: "is too short", ValidationResult.TOO_LONG: "is too long"}
    return Invalid(
        "to",
        f"{fault.get(_mobile_length(number), 'is not a valid number')} for country code {number.country_code}",
        f"{length} digits follow it",
    )


def _too_short(digits: str) -> Invalid:
    rule = f"is too short: at least {_SHORTEST} digits with the country code"
    return Invalid("to", rule, f"this has {len(digits)}")
