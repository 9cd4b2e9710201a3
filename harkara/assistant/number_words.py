"""Write number words before a unit as digits: `twenty percent` is `20 percent`, `do din` is `2 din`."""

from __future__ import annotations

import re

_ONES = {
    word: value
    for value, words in enumerate(
        (
            "one ek एक",
            "two do दो",
            "three teen तीन",
            "four char chaar चार",
            "five paanch panch पांच पाँच",
            "six chhe chah छह छः",
            "seven saat सात",
            "eight aath आठ",
            "nine nau नौ",
            "ten das दस",
            "eleven gyarah ग्यारह",
            "twelve barah बारह",
            "thirteen",
            "fourteen",
            "fifteen pandrah पंद्रह",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty bees बीस",
        ),
        start=1,
    )
    for word in words.split()
} | {
    "thirty": 30, "tees": 30, "तीस": 30, "forty": 40, "chalis": 40, "चालीस": 40, "fifty": 50, "pachas": 50, "पचास": 50,
    "sixty": 60, "saath": 60, "साठ": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_TIMES = {
    "hundred": 100, "sau": 100, "सौ": 100, "thousand": 1_000, "hazar": 1_000, "hazaar": 1_000, "हजार": 1_000,
    "हज़ार": 1_000, "lakh": 100_000, "लाख": 100_000,
}  # fmt: skip
_WORD = "|".join(sorted({*_ONES, *_TIMES}, key=len, reverse=True))
_UNIT = (
    r"%|percent|per cent|pratishat|प्रतिशत|फीसदी|rs(?![a-z])|rupees?|rupay[ea]?|rupaiye|रुप|days?|din(?![a-z])|दिन|hours?"
    r"|hrs?|ghant[ae]|घंट|minutes?|mins?(?![a-z])|मिनट|weeks?|haft[ae]|हफ्त|हफ़्त|months?|mahin[ae]|महीन|years?|saal(?![a-z])|साल"
    r"|baje|बजे|o'?clock|[ap]\.?m\.?(?![a-z])|working|business|(?:to|or|se|ya|से|या)\s"
)
_PHRASE = re.compile(rf"(?<![\w\u0900-\u097f])((?:{_WORD})(?:[\s-](?:and\s)?(?:{_WORD})){{0,5}})(?=[\s-](?:{_UNIT}))")


def with_digits(text: str) -> str:
    """Return a text in lower case with digits for number words that a unit follows."""
    return _PHRASE.sub(lambda match: str(_value(re.split(r"[\s-]", match[1]))), text)


def _value(words: list[str]) -> int:
    total = current = 0
    for word in words:
        if word in _ONES:
            current += _ONES[word]
        elif word in _TIMES:
            current = max(current, 1) * _TIMES[word]
            if _TIMES[word] >= 1_000:
                total, current = total + current, 0
    return total + current
