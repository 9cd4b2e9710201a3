"""Find the figures of a text: what an answer must not invent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from harkara.assistant.number_words import with_digits
from harkara.assistant.privacy.skeleton import read_skeleton

FigureKind = Literal["email", "link", "date", "day", "time", "percent", "price", "phone", "quantity", "code", "number"]


@dataclass(frozen=True, slots=True)
class AnswerFigure:
    """A figure in one form: the price 1499 is `₹1,499`, `Rs 1499` and `१४९९ रुपये`."""

    kind: FigureKind
    value: str
    unit: str = ""
    """Of a quantity `day`, of a time `am` or `pm`, of a date the year, of a price the currency; empty where none is
    said."""


def find_figures(text: str) -> list[AnswerFigure]:
    """Return the figures of a text; a figure is one kind, and the first kind that fits."""
    rest = with_digits(read_skeleton(text).plain)
    found: list[AnswerFigure] = []
    for pattern, figures in _PATTERNS:

        def replaced(match: re.Match[str], figures: _Reader = figures) -> str:
            read = list(figures(match))
            found.extend(read)
            return " " * len(match[0]) if read else match[0]

        rest = pattern.sub(replaced, rest)
    return _with_halves(found)


_Reader = Callable[[re.Match[str]], Iterator[AnswerFigure]]


_NUMBER = r"[0-9]+(?:,[0-9]{2,3})*(?:\.[0-9]+)?"
_TO = r"\s?(?:-|to|se|or|ya|and|aur|से|या|और)\s?"
_MANY = r"(?:\s?(?:k|hundred|thousand|lakhs?|lacs?|crores?|hazaa?r|sau|हज़ार|हजार|लाख|करोड़|सौ)(?![a-z\u0900-\u097f]))?"
_SCALES = {
    "k": 1_000,
    "hundred": 100,
    "sau": 100,
    "सौ": 100,
    "thousand": 1_000,
    "hazar": 1_000,
    "hazaar": 1_000,
    "हज़ार": 1_000,
    "हजार": 1_000,
    "lakh": 100_000,
    "lakhs": 100_000,
    "lac": 100_000,
    "lacs": 100_000,
    "लाख": 100_000,
    "crore": 10_000_000,
    "crores": 10_000_000,
    "करोड़": 10_000_000,
}
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january जनवरी",
            "feb february फरवरी फ़रवरी",
            "mar march मार्च",
            "apr april अप्रैल",
            "may मई",
            "jun june जून",
            "jul july जुलाई",
            "aug august अगस्त",
            "sep sept september सितंबर सितम्बर",
            "oct october अक्टूबर",
            "nov november नवंबर नवम्बर",
            "dec december दिसंबर दिसम्बर",
        ),
        start=1,
    )
    for name in names.split()
}
_DAYS = {
    name: names.split()[0]
    for names in (
        "monday mon somvar somwar सोमवार",
        "tuesday tue tues mangalvar mangalwar मंगलवार",
        "wednesday wed budhvar budhwar बुधवार",
        "thursday thu thurs guruvar guruwar गुरुवार बृहस्पतिवार",
        "friday fri shukravar shukrawar शुक्रवार",
        "saturday sat shanivar shaniwar शनिवार",
        "sunday sun ravivar raviwar itvar itwar रविवार इतवार",
        "tomorrow kal कल",
        "yesterday",
        "parso parson परसों",
        "tonight",
    )
    for name in names.split()
}
_SHORT_DAYS = {"mon", "tue", "tues", "wed", "thu", "thurs", "fri", "sat", "sun"}
_UNITS = {
    name: names.split()[0]
    for names in (
        "day days din दिन working-days",
        "hour hours hr hrs ghanta ghante घंटा घंटे घण्टे",
        "minute minutes min mins minat मिनट",
        "week weeks hafta hafte सप्ताह हफ्ते हफ़्ते",
        "month months mahina mahine महीना महीने",
        "year years saal sal वर्ष साल",
        "second seconds sec secs सेकंड",
        "km kms किमी",
        "kg kgs किलो",
        "time times baar बार",
        "piece pieces pcs item items",
    )
    for name in names.split()
}
_START, _END = r"(?<![\w\u0900-\u097f])", r"(?![\w\u0900-\u097f])"


def _one_of(names: dict[str, str] | dict[str, int] | set[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


def _plain(number: str, scale: str | None = None) -> str:
    """The number without separators, without zeros at its end after the point, and multiplied."""
    value = float(number.replace(",", "")) * _SCALES.get((scale or "").strip(), 1)
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _email(match: re.Match[str]) -> Iterator[AnswerFigure]:
    yield AnswerFigure("email", match[0].strip(".").lower())


def _link(match: re.Match[str]) -> Iterator[AnswerFigure]:
    link = re.sub(r"^(?:https?://)?(?:www\.)?", "", match[0].rstrip(".,;:!?)'\"।"))
    yield AnswerFigure("link", link.rstrip("/"))


def _date(match: re.Match[str]) -> Iterator[AnswerFigure]:
    part = match.groupdict()
    month = _MONTHS.get(part.get("name") or "") or int(part.get("month") or 0)
    day, year = int(part["day"]), part.get("year") or ""
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return
    for each in (part.get("first"), str(day)):
        if each:
            yield AnswerFigure("date", f"{int(each)}/{month}", f"20{year}" if len(year) == 2 else year)


def _day(match: re.Match[str]) -> Iterator[AnswerFigure]:
    yield AnswerFigure("day", _DAYS[match["name"]])


def _time(match: re.Match[str]) -> Iterator[AnswerFigure]:
    part = match.groupdict()
    half = _half(part.get("half") or "", part.get("of_day") or "")
    for hour, minute in ((part.get("first"), part.get("first_minute")), (part["hour"], part.get("minute"))):
        if hour is None or int(hour) > 24 or int(minute or 0) > 59:
            continue
        known = half or ("PM" if int(hour) > 12 else "AM" if hour.startswith("0") else "")
        yield AnswerFigure("time", f"{int(hour) % 12}:{int(minute or 0):02d}", known)


def _with_halves(found: list[AnswerFigure]) -> list[AnswerFigure]:
    """Beside a time such as 19:00, 10:00 is in the morning."""
    by_day = any(each.kind == "time" and each.unit.isupper() for each in found)
    return [_with_half(each, by_day) if each.kind == "time" else each for each in found]


def _with_half(time: AnswerFigure, by_day: bool) -> AnswerFigure:
    if by_day and not time.unit:
        return replace(time, unit="pm" if time.value.startswith("0:") else "am")
    return replace(time, unit=time.unit.lower())


def _half(half: str, of_day: str) -> str:
    if half:
        return half[0] + "m"
    if not of_day:
        return ""
    return "am" if of_day in ("subah", "सुबह", "morning") else "pm"


def _numbers(kind: FigureKind) -> _Reader:
    def read(match: re.Match[str]) -> Iterator[AnswerFigure]:
        part = match.groupdict()
        unit = _UNITS.get(part.get("unit") or "", "") if kind == "quantity" else _currency(match[0])
        for number in (part.get("first"), part.get("number")):
            if number:
                yield AnswerFigure(kind, _plain(number, part.get("scale")), "" if kind == "percent" else unit)

    return read


_CURRENCIES = {"$": "usd", "usd": "usd", "€": "eur", "£": "gbp"}


def _currency(written: str) -> str:
    return next((code for sign, code in _CURRENCIES.items() if sign in written), "inr")


def _free(match: re.Match[str]) -> Iterator[AnswerFigure]:
    yield AnswerFigure("price", "0")


def _phone(match: re.Match[str]) -> Iterator[AnswerFigure]:
    digits = "".join(filter(str.isdigit, match[0]))
    if 8 <= len(digits) <= 15:
        yield AnswerFigure("phone", digits[-10:])


def _code(match: re.Match[str]) -> Iterator[AnswerFigure]:
    if any("0" <= each <= "9" for each in match[0]) and any(each.isalpha() for each in match[0]):
        yield AnswerFigure("code", re.sub(r"[^\w]", "", match[0]))


def _number(match: re.Match[str]) -> Iterator[AnswerFigure]:
    yield AnswerFigure("number", _plain(match[0]))


_FIRST = rf"(?:(?P<first>{_NUMBER}){_TO})?"
_HOUR = r"[0-2]?[0-9]"
_HALF = r"(?P<half>[ap]\.?\s?m\.?)(?![a-z])"
_OF_DAY = r"(?P<of_day>subah|morning|dopahar|dopehar|sham|shaam|evening|raat|सुबह|दोपहर|शाम|रात)"
_MONEY = r"(?:₹|rs\.?|inr|rupees?|\$|usd|€|£)"
_MONEY_AFTER = r"(?:/-|rs(?![a-z])|inr|rupees?|rupay[ea]?|rupe|rupaiye|bucks|रुपये|रुपए|रुपया|रु\.?|₹|\$|usd)"

_PATTERNS: tuple[tuple[re.Pattern[str], _Reader], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (r"(?<![\w.+%-])[\w.+%-]++@[\w-]++(?:\.[\w-]++)*+", _email),
        (r"(?:[a-z][a-z0-9+.-]{1,10}://|www\.)\S+", _link),
        (
            r"(?<![\w.@-])(?:[a-z0-9][a-z0-9-]*+\.)++(?:com|in|org|net|co|io|info|biz|me|app|shop|store|link|ly|gl|gov|edu)"
            r"(?![\w.]\w)(?:/\S*)?",
            _link,
        ),
        (r"(?<![0-9])(?P<year>20[0-9]{2})-(?P<month>[01][0-9])-(?P<day>[0-3][0-9])(?:t(?=[0-9]))?", _date),
        (
            r"(?<![0-9/.])(?P<day>[0-3]?[0-9])(?P<sign>[/.-])(?P<month>[01]?[0-9])(?P=sign)(?P<year>(?:20)?[0-9]{2})(?![0-9/])",
            _date,
        ),
        (r"(?<![0-9/])(?P<day>[0-3]?[0-9])/(?P<month>[01]?[0-9])(?![0-9/])", _date),
        (
            rf"(?<![0-9])(?:(?P<first>[0-3]?[0-9])(?:st|nd|rd|th)?{_TO})?(?P<day>[0-3]?[0-9])(?:st|nd|rd|th)?"
            rf"\s?(?:of )?-?(?P<name>{_one_of(_MONTHS)})(?![a-z\u0900-\u097f])"
            r"(?:[\s,'-]{0,2}(?P<year>20[0-9]{2}))?",
            _date,
        ),
        (
            rf"{_START}(?P<name>{_one_of(_MONTHS)})\s(?P<day>[0-3]?[0-9])(?:st|nd|rd|th)?(?![0-9])"
            r"(?:[\s,]{0,2}(?P<year>20[0-9]{2}))?",
            _date,
        ),
        (rf"{_START}(?P<name>{_one_of(set(_DAYS))})s?{_END}", _day),
        (
            rf"(?<![0-9:.])(?:(?P<first>{_HOUR})(?:[:.](?P<first_minute>[0-5][0-9]))?{_TO})?"
            rf"(?P<hour>{_HOUR})(?:[:.](?P<minute>[0-5][0-9]))?\s?{_HALF}",
            _time,
        ),
        (
            rf"(?:{_OF_DAY}\s(?:ke\s|के\s)?)?(?<![0-9:.])(?:(?P<first>{_HOUR})(?:[:.](?P<first_minute>[0-5][0-9]))?{_TO})?"
            rf"(?P<hour>{_HOUR})(?:[:.](?P<minute>[0-5][0-9]))?\s?(?:baje|bje|o'?clock|बजे){_END}",
            _time,
        ),
        (
            r"(?<![0-9:.])(?P<hour>[0-2]?[0-9]):(?P<minute>[0-5][0-9])(?::[0-5][0-9])?(?:z|\+[0-9:]{5})?(?![0-9:])",
            _time,
        ),
        (
            rf"(?<![0-9]){_FIRST}(?P<number>{_NUMBER})\s?(?:%|percent|per cent|pratishat|प्रतिशत|फीसदी|फ़ीसदी)",
            _numbers("percent"),
        ),
        (rf"{_MONEY}\s?{_FIRST}(?:{_MONEY}\s?)?(?P<number>{_NUMBER})(?P<scale>{_MANY})(?:\s?/-)?", _numbers("price")),
        (rf"(?<![0-9]){_FIRST}(?P<number>{_NUMBER})(?P<scale>{_MANY})\s?{_MONEY_AFTER}", _numbers("price")),
        (
            rf"(?<!feel )(?<!toll )(?<!toll-)(?<!sugar )(?<!hassle )(?<!hassle-){_START}"
            rf"(?:free(?! to\b)|muft|mufat|मुफ्त|मुफ़्त|निःशुल्क|फ्री|complimentary){_END}",
            _free,
        ),
        (r"(?<![\w])\+?[0-9](?:[ ()\-]{0,2}[0-9]){7,14}(?![\w])", _phone),
        (
            rf"(?<![0-9.]){_FIRST}(?P<number>{_NUMBER})[\s-]?(?:(?:working|business|calendar)\s)?(?P<unit>{_one_of(_UNITS)}){_END}",
            _numbers("quantity"),
        ),
        (r"(?<![\w-])[\w-]*[a-z0-9][\w-]*(?![\w])", _code),
        (_NUMBER, _number),
    )
)
