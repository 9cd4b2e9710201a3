"""Find what only words give away: codes, passwords, dates of birth, and the rest of a card."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harkara.assistant.privacy.found import Found, names_an_order

_LETTER = r"a-z0-9\u0900-\u097f"
_CODE_WORD = re.compile(
    rf"(?<![{_LETTER}])(?:otp|o\.t\.p\.?|o t p|one[ -]?time[ -]?(?:password|pin|code|pass)|[mt]?-?pin|cvv2?|cvc2?"
    rf"|passcode|pass ?word|pas{{1,2}}w[oa]?r?d|pwd|code"
    r"|ओटीपी|ओ\.टी\.पी\.?|पिन|कोड|सीवीवी|पासवर्ड)(?![a-z\u0900-\u097f])"
)
_CODE = re.compile(r"(?<![0-9])(?<![0-9][.,/:-])[0-9](?:[ .\-]{0,2}[0-9]){2,7}(?![0-9])")
_OTHER_CODE = re.compile(
    r"(?:coupon|promo|discount|offer|product|item|error|area|country|std|zip|postal|dress|qr|bar|style|hsn|sac|sku"
    r"|referral|कूपन|ऑफर|इलाके का)\W{0,2}$"
)
_POSTAL = re.compile(r"\W{0,2}(?:code|कोड)")
_POSTAL_BEFORE = re.compile(r"(?:pin|पिन)\W{0,2}$")
_AMOUNT = re.compile(r"[0-9][0-9.,]*")
_UNIT = re.compile(  # not in the next message
    r"[^\S\n]?(?:rs\b|rupees|rupay|rupaye|rs\.|/-|%|₹|am\b|pm\b|baje|min|hour|ghant|din\b|days?\b|रुप|बजे|मिनट)"
)
_MONEY = re.compile(r"(?:rs\.?|inr|₹)[^\S\n]?$")
_NEGATED = re.compile(r"(?<![a-z])(?:not|no|nahi|nahin|nhi|nai|didn'?t|never|without|bina)(?![a-z])|नहीं|नही|बिना")
_FILLERS = (
    r"is|ye|yeh|yah|yahi|the|my|mera|meri|mere|hai|h|he|this|your|ka|ki|ke|was|as|for|woh?|jo|upi|atm|card|aaya|aya|mila"
    r"|number|no|यह|ये|मेरा|मेरी|है|का|की|को|आया"
)
_THEN_WORD = re.compile(rf"\W{{0,3}}(?:(?:{_FILLERS})\W{{1,3}}){{0,5}}$")


def find_codes(text: str) -> Iterator[Found]:
    """Yield numbers of 3 to 8 digits that a text calls an OTP, a PIN, a CVV, a code or a password."""
    for word in _CODE_WORD.finditer(text):
        if _OTHER_CODE.search(text, max(0, word.start() - 14), word.start()):
            continue
        postal = _POSTAL.match(text, word.end()) or _POSTAL_BEFORE.search(text, max(0, word.start() - 6), word.start())
        yield from _codes_after(text, word.end(), bool(postal))
        yield from _codes_before(text, word.start(), bool(postal))


def _codes_after(text: str, end: int, postal: bool) -> Iterator[Found]:
    for match in _CODE.finditer(text, end, end + 80):
        between = text[end : match.start()]
        length = sum(each.isdigit() for each in match[0])
        if len(between.split()) > 8 or (_NEGATED.search(between) and length != 6):
            continue
        if _is_code(text, match, postal):
            yield Found(match.start(), match.end(), "code")


def _codes_before(text: str, start: int, postal: bool) -> Iterator[Found]:
    for match in _CODE.finditer(text, max(0, start - 60), start):
        if _THEN_WORD.fullmatch(text, match.end(), start) and _is_code(text, match, postal):
            yield Found(match.start(), match.end(), "code")


def _is_code(text: str, match: re.Match[str], postal: bool) -> bool:
    """Whether it is no order number, no amount, no time and no postal code."""
    if names_an_order(text, match.start()) or _UNIT.match(text, match.end()):
        return False
    if _MONEY.search(text, max(0, match.start() - 5), match.start()):
        return False
    return not (postal and re.fullmatch(r"[1-9][0-9]{2} ?[0-9]{3}", match[0]))


_PASSWORD_WORD = re.compile(
    rf"(?<![{_LETTER}])(?:pass ?word|pas{{1,2}}w[oa]?r?d|pwd|pass(?=\s?[:=])|passcode|pass ?phrase"
    rf"|verification code|security code|login code|otp|mpin|पासवर्ड|ओटीपी)(?![a-z\u0900-\u097f])"
)
_LINKS = frozenset("is was are hai h he hain = : - := -> है : ये यह yeh ye".split())
_SKIPPED = _LINKS | frozenset(
    "my mera meri mere mine new old the to set now ka ki ko bhi also and login मेरा मेरी का".split()
)
_ORDINARY = frozenset(
    """
    not no wrong galat incorrect invalid expired reset change changed forgot forgotten lost bhool bhul kya what this
    that it which where how why when very too also same correct right sahi showing coming working required needed
    asking kaise kaha kahan nahi nahin nhi kab kyu kyon here there blocked locked yes ok okay please pls plz never
    safe secret strong weak short long missing भूल गलत क्या नहीं कैसे सही बदलना
    """.split()
)
_MARKS = "\"'“”‘’`.,;!?()<>*।"
_SPOKEN = re.compile(r"\S+")
_QUOTED = re.compile(r"[\s:=-]{0,4}(?:(?:is|hai|:|=)\s{0,2})?[\"“'‘`]([^\"”'’`\n]{3,80})[\"”'’`]")


def find_passwords(text: str) -> Iterator[Found]:
    """Yield the words that a text calls a password, before or after that word."""
    for word in _PASSWORD_WORD.finditer(text):
        if quoted := _QUOTED.match(text, word.end()):
            yield Found(quoted.start(1), quoted.end(1), "password")
        after = list(_SPOKEN.finditer(text, word.end(), word.end() + 120))[:6]
        before = list(_SPOKEN.finditer(text, _word_start(text, word.start() - 80), word.start()))[-6:]
        plain = not word[0].startswith(("otp", "ओटीपी", "mpin", "verification", "security", "login"))
        yield from _secret(text, after, plain)
        yield from _secret(text, before[::-1], plain)


def _word_start(text: str, at: int) -> int:
    """The end of the space before `at`, so that no word is cut."""
    at = max(0, at)
    return at if at == 0 else max(text.rfind(" ", max(0, at - 40), at) + 1, text.rfind("\n", max(0, at - 40), at) + 1)


def _secret(text: str, tokens: Sequence[re.Match[str]], plain: bool) -> Iterator[Found]:
    """The first token that is a secret by its form, or by the words between it and `password`.

    `plain` is whether it may be a plain word; a code has a digit.
    """
    linked = False
    for number, token in enumerate(tokens):
        word = token[0].strip(_MARKS)
        bare = word.strip(":=-")
        if not bare or bare in _SKIPPED:
            linked = linked or bare in _LINKS or any(mark in word for mark in ":=")
            continue
        start, end = _bounds(token)
        said = linked and number <= 4 and len(bare) >= 4 and (plain or any(map(str.isdigit, bare)))
        if bare not in _ORDINARY and (said or _is_strong(bare)):
            is_amount = _AMOUNT.fullmatch(bare) and _UNIT.match(text, end)
            if not names_an_order(text, start) and not is_amount:
                yield Found(start, start + len(bare), "code") if bare.isdecimal() else Found(start, end, "password")
                return
        linked = False


def _bounds(token: re.Match[str]) -> tuple[int, int]:
    """Without the marks that open a quotation or end a sentence, but with those that may belong to the password."""
    left = len(token[0]) - len(token[0].lstrip("\"'“”‘’`(<:=-"))
    return token.start() + left, token.end()


def _is_strong(word: str) -> bool:
    """Whether it has letters and digits, or a sign within, as passwords have and words have not."""
    if len(word) < 4 or word.startswith(("http", "www.")):
        return False
    letters, digits = any(each.isalpha() for each in word), any(each.isdigit() for each in word)
    return (letters and digits) or bool(re.search(r"\w[@#$%^&+=!~]", word) or re.search(r"[@#$%^&+=!~]\w", word))


_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
    r"|जनवरी|फरवरी|फ़रवरी|मार्च|अप्रैल|मई|जून|जुलाई|अगस्त|सितंबर|सितम्बर|अक्टूबर|नवंबर|नवम्बर|दिसंबर|दिसम्बर"
)
_DAY = re.compile(
    r"(?<![0-9])(?:[0-9]{1,4}[ ./\-]{1,3}[0-9]{1,2}[ ./\-]{1,3}[0-9]{2,4}"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th)?[ .\-]{{0,3}}(?:of )?(?:{_MONTH})[ ,.'\-]{{0,3}}(?:[0-9]{{4}}|[0-9]{{2}})?"
    rf"|(?:{_MONTH})[ .\-]{{0,3}}[0-9]{{1,2}}(?:st|nd|rd|th)?[ ,]{{0,3}}(?:[0-9]{{4}})?"
    r"|[0-9]{8}|(?:19|20)[0-9]{2})(?![0-9])"
)
_BIRTH = re.compile(
    rf"(?<![{_LETTER}])(?:d\.?o\.?b\.?|date of birth|birth ?date|born"
    r"|(?:my|mera|meri|mere|her|his) (?:birth ?day|b'?day)|jana?m[a-z]*(?: ?(?:tithi|din|date|tareekh|ki tarikh))?"
    r"|जन्म(?:तिथि|दिन| तिथि| तारीख| की तारीख)?)(?![a-z])"
)


def find_birth_dates(text: str) -> Iterator[Found]:
    """Yield dates that a text calls a date of birth."""
    for word in _BIRTH.finditer(text):
        after = _DAY.search(text, word.end(), word.end() + 40)
        if after and after.end() == word.end() + 40:  # cut by the limit of the search
            after = _DAY.match(text, after.start())
        if after:
            yield Found(after.start(), after.end(), "birth-date")
            continue
        for match in _DAY.finditer(text, max(0, word.start() - 45), word.start()):
            if _THEN_WORD.fullmatch(text, match.end(), word.start()):
                yield Found(match.start(), match.end(), "birth-date")


_EXPIRY = re.compile(
    r"\W{0,10}(?:(?:exp[a-z]*|valid[a-z]*|upto|till)\W{0,5}){0,3}((?:0[1-9]|1[0-2])\s?[/-]\s?(?:20[0-9]{2}|[0-9]{2}))(?![0-9])"
)
_AFTER_EXPIRY = re.compile(r"\W{0,5}([0-9]{3,4})(?![0-9])")


def find_rest_of_card(text: str, card_end: int) -> Iterator[Found]:
    """Yield the expiry date and the code that follow a card number."""
    if expiry := _EXPIRY.match(text, card_end):
        yield Found(expiry.start(1), expiry.end(1), "expiry")
        if code := _AFTER_EXPIRY.match(text, expiry.end()):
            yield Found(code.start(1), code.end(1), "code")
