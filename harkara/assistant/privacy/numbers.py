"""Find numbers by their length and check digit: cards, Aadhaar, its virtual id, bank accounts and phone numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import phonenumbers
from stdnum import luhn
from stdnum.in_ import aadhaar, vid

from harkara.assistant.privacy.found import PLACEHOLDER, Found, names_an_order

_SHORTEST, _LONGEST = 7, 19

# Digits and what may separate them: up to six characters, but no letter but x, no currency and no percent.
_RUN = re.compile(r"(?:\+ ?\(? ?)?[0-9]+(?:(?:[^\w₹$€£¥%]|_|x){1,6}[0-9]+)*")
_GROUP = re.compile(r"(?:\+ ?\(? ?)?[0-9]+")
_DIGITS = re.compile(r"[0-9]+")
_LIST = re.compile(r"[,;]\s|/")
_TOKEN = re.compile(r"\S{3,40}")

_DAY_AND_MONTH = r"(?:0?[1-9]|[12][0-9]|3[01])[/.-](?:0?[1-9]|1[0-2])"
_DATE = rf"(?:{_DAY_AND_MONTH}[/.-](?:(?:19|20)[0-9]{{2}}|[0-9]{{2}})|(?:19|20)[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}})"
_TIME = r"(?:[01]?[0-9]|2[0-4])[:.][0-5][0-9](?::[0-5][0-9])?(?:am|pm)?"
_MOMENT = rf"(?:{_DATE}t{_TIME}z?|{_DATE}|{_TIME})"
_AMOUNT = r"(?:[0-9]{1,3}(?:,[0-9]{2,3}){1,3}(?:\.[0-9]{1,2})?|[0-9]{1,7}\.[0-9]{1,2})(?:/-)?"
_NO_NUMBER = re.compile(rf"[(\"'.,]*(?:(?:rs\.?|₹|inr)?{_AMOUNT}|{_MOMENT}(?:[-,]{_MOMENT})?)[)\"'.,;!?]*")

_PHONE_WORDS = re.compile(
    r"(?:phone|mobile|mob|call|contact|what'?s ?app|watsapp|wapp|ph|tel|फोन|मोबाइल|कॉल|व्हाट्सएप|व्हाट्सऐप)"
    r"(?:\W{0,3}(?:me|at|on|no|num|number|karo|kro|kare|karna|pe|par|is|hai|नंबर|करो|है|पर)(?![a-z]))*\W{0,3}$"
)
_ACCOUNT_WORDS = re.compile(r"(?<![a-z])(?:a/?c|acct?|account|khata|khaata|ifsc)(?![a-z])|खाता|खाते|अकाउंट")
_CARD_WORDS = re.compile(r"(?<![a-z])(?:card|kard|visa|mastercard|rupay|amex|debit|credit)(?![a-z])|कार्ड")
_AADHAAR_WORDS = re.compile(r"(?<![a-z])(?:aa?dh?aa?r|uid(?:ai)?)(?![a-z])|आधार")
_MOBILE = re.compile(r"(?:0|91|091|0091)?[6-9][0-9]{9}")


_CARD_GROUPS = {(15,), (16,), (4, 4, 4, 4), (4, 6, 5)}


class _Before:
    """The words before a group of digits, each kind of which is searched once."""

    __slots__ = ("_found", "start", "text")

    def __init__(self, text: str, start: int) -> None:
        self.text, self.start = text, start
        self._found: dict[re.Pattern[str] | None, bool] = {}

    def has(self, words: re.Pattern[str]) -> bool:
        if words not in self._found:
            self._found[words] = words.search(self.text, max(0, self.start - 40), self.start) is not None
        return self._found[words]

    @property
    def names_an_order(self) -> bool:
        if None not in self._found:
            self._found[None] = names_an_order(self.text, self.start)
        return self._found[None]


class _Window(NamedTuple):
    """Some of the groups of digits of a run."""

    text: str
    start: int
    end: int
    digits: str
    sizes: tuple[int, ...]
    before: _Before

    @property
    def is_list(self) -> bool:
        """Whether it resembles a list of prices, `699, 799, 1499`, more than one number."""
        middle = self.sizes[1:-1]
        return len(set(middle)) > 1 and _LIST.search(self.text, self.start, self.end) is not None

    def precedes(self, words: re.Pattern[str]) -> bool:
        return words.search(self.text, self.end, self.end + 25) is not None


def find_numbers(text: str, own: str | None) -> Iterator[Found]:
    """Yield the numbers of a skeleton's text; `own` is the contact's number, digits with the country code."""
    others = [token for token in _TOKEN.finditer(text) if _NO_NUMBER.fullmatch(token[0])]
    others += PLACEHOLDER.finditer(text)
    inside = frozenset(place for token in others for place in range(*token.span()))
    for run in _RUN.finditer(text):
        for window in _windows(text, _groups(run, inside)):
            if kind := _kind(window, own):
                yield Found(window.start, window.end, kind)


def _groups(run: re.Match[str], inside: frozenset[int]) -> list[tuple[int, int] | None]:
    """The groups of digits, a plus with the one after it; None for part of an amount, a date or a time."""
    groups = _GROUP.finditer(run.string, run.start(), run.end())
    return [None if group.end() - 1 in inside else group.span() for group in groups]


def _windows(text: str, groups: list[tuple[int, int] | None]) -> Iterator[_Window]:
    for first, group in enumerate(groups):
        if group is None:
            continue
        digits, sizes, before = "", list[int](), _Before(text, group[0])
        for other in groups[first:]:
            if other is None or len(digits) > _LONGEST:
                break
            part = text[other[0] : other[1]].lstrip("+( ")
            digits += part
            sizes.append(len(part))
            if _SHORTEST <= len(digits) <= _LONGEST:
                yield _Window(text, group[0], other[1], digits, tuple(sizes), before)


def _kind(window: _Window, own: str | None) -> str | None:
    if own and _is_own(window.digits, own):
        return "own-number"
    return next((kind for kind, test in _TESTS if test(window)), None)


def _is_own(digits: str, own: str) -> bool:
    digits = digits.lstrip("0")
    return len(digits) >= 8 and (own.endswith(digits) or digits.endswith(own))


def _is_account(window: _Window) -> bool:
    if not 9 <= len(window.digits) <= 18 or window.is_list or window.before.names_an_order:
        return False
    return window.before.has(_ACCOUNT_WORDS) or window.precedes(_ACCOUNT_WORDS)


def _is_card(window: _Window) -> bool:
    """A number of 13 to 19 digits with Luhn's check digit; of several groups only as banks begin theirs."""
    digits = window.digits
    if not 13 <= len(digits) <= 19 or window.is_list:
        return False
    if window.sizes in _CARD_GROUPS and window.before.has(_CARD_WORDS) and not window.before.names_an_order:
        return True  # also with a typing error
    return (len(window.sizes) == 1 or digits[0] in "234568") and int(digits) > 0 and luhn.checksum(digits) == 0


def _is_aadhaar(window: _Window) -> bool:
    if len(window.digits) != 12:
        return False
    return aadhaar.is_valid(window.digits) or window.before.has(_AADHAAR_WORDS)


def _is_vid(window: _Window) -> bool:
    return len(window.digits) == 16 and vid.is_valid(window.digits)


def _is_phone(window: _Window) -> bool:
    digits = window.digits
    if window.text[window.start] == "+" or digits.startswith("00"):
        return len(digits) <= 15 and _is_possible("+" + digits.lstrip("0"))
    if len(digits) > 15 or window.before.names_an_order or (window.is_list and window.sizes != (5, 5)):
        return False
    if _MOBILE.fullmatch(digits):
        return not _is_price_list(window)
    if len(digits) in (10, 11) and digits.startswith(("0", "1800", "1860")):
        return _is_possible(digits)
    return window.before.has(_PHONE_WORDS)


def _is_price_list(window: _Window) -> bool:
    """Whether it is `699/799/1499` or `699, 799, 1499`, whose digits resemble a mobile number."""
    parts = _DIGITS.findall(window.text, window.start, window.end)
    rising = all(int(one) < int(other) for one, other in pairwise(parts))
    return len(parts) > 2 and rising and _LIST.search(window.text, window.start, window.end) is not None


def _is_possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, "IN"))
    except phonenumbers.NumberParseException:
        return False


_TESTS: tuple[tuple[str, Callable[[_Window], bool]], ...] = (
    ("account", _is_account),
    ("card", _is_card),
    ("aadhaar", _is_aadhaar),
    ("vid", _is_vid),
    ("phone", _is_phone),
)
