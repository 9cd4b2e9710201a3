"""Find what has a form of its own: PAN, GSTIN, IFSC, papers, e-mail addresses and UPI ids."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum.in_ import epic

from harkara.assistant.privacy.found import Found, names_an_order

_START, _END = r"(?<![a-z0-9])", r"(?![a-z0-9])"
_GAP = r"[ .\-]{0,3}"
# Income Tax Department, PAN: the fourth letter is the kind of holder.
_PAN_FORM = rf"[a-z]{{3}}[abcfghljptk][a-z]{_GAP}[0-9]{{4}}{_GAP}[a-z]"
_STATES = (
    "an|ap|ar|as|br|cg|ch|dd|dl|dn|ga|gj|hp|hr|jh|jk|ka|kl|la|ld|mh|ml|mn|mp|mz|nl|od|or|pb|py|rj|sk|tn|tr|ts|tg|ua|uk"
    "|up|wb"
)
_APART = r"[ .\-]{1,2}"
_PAN_APART = _APART.join((*["[a-z]"] * 3, "[abcfghljptk]", "[a-z]", *["[0-9]"] * 4, "[a-z]"))
_AT = r"(?:at the rate(?: of)?|at)"
_SURE = "ybl|ibl|axl|apl|okaxis|okicici|okhdfcbank|oksbi"
"""Handles that are no word: after `at` others may name a place or a means of payment."""
_SPOKEN_NAME = r"(?<![\w.+%-])[\w+%-]++(?:(?:\.| dot | underscore )[\w+%-]++){0,3}"
_MAIL = "gmail|yahoo|ymail|hotmail|outlook|rediffmail|rediff|icloud|proton|protonmail|live"
_BANK = "upi|ybl|ibl|axl|paytm|apl|ok[a-z]{3,10}|pt[a-z]{3,5}|[a-z]{2,6}bank"
_FORMS = {
    "gstin": re.compile(rf"{_START}[0-9]{{2}}{_GAP}{_PAN_FORM}{_GAP}[0-9a-z]{_GAP}z{_GAP}[0-9a-z]{_END}"),
    "pan": re.compile(rf"{_START}(?:pan)?(?P<value>{_PAN_FORM}|{_PAN_APART}){_END}"),
    "ifsc": re.compile(
        rf"{_START}(?:ifsc)?(?P<value>[a-z]{{4}}{_GAP}0{_GAP}(?:[a-z0-9]{{6}}|[0-9](?:{_GAP}[0-9]){{5}})){_END}"
    ),
    "license": re.compile(rf"{_START}(?:{_STATES}){_GAP}[0-9]{{2}}{_GAP}(?:19|20)[0-9]{{2}}{_GAP}[0-9]{{7}}{_END}"),
    "email": re.compile(
        r"(?<![\w.+%-])[\w.+%-]++\s{0,2}(?:@|[(\[{]\s?at\s?[)\]}])\s{0,2}[\w-]++(?:\s?(?:\.|[(\[{]\s?dot\s?[)\]}])\s?[\w-]++)++"
        r"|(?<![\w.+%-])[\w.+%-]++ at [\w-]++ dot [a-z]{2,10}"
        rf"|{_SPOKEN_NAME} {_AT} (?:{_MAIL})(?:(?:\.| dot )[a-z]{{2,10}}){{1,2}}"
        rf"|{_SPOKEN_NAME} at the rate [\w-]++(?:(?:\.| dot )[a-z]{{2,10}}){{1,2}}"
    ),
    "upi": re.compile(
        rf"(?<![\w.-])[\w.-]++@[a-z][a-z0-9]{{1,63}}{_END}"
        rf"|(?<![\w.-])[\w.-]{{3,}}+\s@\s?(?:{_BANK}){_END}"
        rf"|{_SPOKEN_NAME} (?:at (?:{_SURE})|at the rate (?:{_BANK})){_END}"
    ),
}
_PAN_LETTERS = rf"(?:[a-z]{{3}}[abcfghljptk][a-z]|{_APART.join((*['[a-z]'] * 3, '[abcfghljptk]', '[a-z]'))})"
_FOUR_DIGITS = _GAP.join(["[0-9]"] * 4)
_LAST_LETTER = r"(?:[b-hj-z]|[ai](?! +[a-z]{2}))"
"""Not the word of `total 1 2 0 0 a month`."""

_SPELLED = {
    "gstin": re.compile(
        rf"{_START}[0-9]{_GAP}[0-9]{_GAP}{_PAN_LETTERS}{_GAP}{_FOUR_DIGITS}{_GAP}[a-z]{_GAP}[0-9a-z]{_GAP}z(?:ee|ed)?{_GAP}"
        rf"[0-9a-z]{_END}"
    ),
    "pan": re.compile(rf"{_START}{_PAN_LETTERS}{_GAP}{_FOUR_DIGITS}{_GAP}{_LAST_LETTER}{_END}"),
    "ifsc": re.compile(
        rf"{_START}(?:[a-z]{{4}}|{_APART.join(['[a-z]'] * 4)}){_GAP}[0o]"
        rf"(?:{_GAP}{_GAP.join(['[0-9o]'] * 6)}|{_APART}{_APART.join(['[a-z0-9]'] * 6)}){_END}"
    ),
}
"""With spaces between the digits, and between the letters."""

_VOTER = re.compile(rf"{_START}([a-z]{{3}})[ /-]?([0-9]{{7}}){_END}")
_VOTER_WORDS = re.compile(r"voter|epic|election|मतदाता|वोटर")
_SHOP_PREFIXES = frozenset("ord inv awb ref tkt bkg apt txn crn bil sku pnr irn utr rma ret pay".split())

_WITH_WORDS = (
    (
        "passport",
        re.compile(r"pass ?port|पासपोर्ट"),
        re.compile(rf"{_START}[a-z]{{0,2}} ?[0-9]{{2}} ?[0-9]{{4,7}}{_END}"),
    ),
    (
        "license",
        re.compile(r"licen[cs]e|driving|(?<![a-z])d\.?l(?![a-z])|लाइसेंस"),
        re.compile(rf"{_START}(?:{_STATES})[ -]?[0-9]{{2}}[a-z]?[ /-]{{0,2}}[0-9]{{4}}[ -]?[0-9]{{0,9}}{_END}"),
    ),
)


def find_documents(text: str) -> Iterator[Found]:
    """Yield what has a form of its own in a skeleton's text."""
    for kind, form in _FORMS.items():
        for match in form.finditer(text):
            group = "value" if "value" in match.re.groupindex else 0
            yield Found(match.start(group), match.end(group), kind)
    yield from _voter_ids(text)
    for kind, words, form in _WITH_WORDS:
        yield from _near(text, kind, words, form)


def find_spelled(text: str) -> Iterator[Found]:
    """Yield PAN, GSTIN and IFSC that are spelled one character after the other."""
    for kind, form in _SPELLED.items():
        yield from (Found(*match.span(), kind) for match in form.finditer(text))


def _voter_ids(text: str) -> Iterator[Found]:
    """A form that many order numbers have too: its check digit or a word decides."""
    for match in _VOTER.finditer(text):
        said = _VOTER_WORDS.search(text, max(0, match.start() - 40), match.end() + 30)
        by_form = match[1] not in _SHOP_PREFIXES and epic.is_valid(match[1] + match[2])
        if said or (by_form and not names_an_order(text, match.start())):
            yield Found(match.start(), match.end(), "voter-id")


def _near(text: str, kind: str, words: re.Pattern[str], form: re.Pattern[str]) -> Iterator[Found]:
    for word in words.finditer(text):
        for match in form.finditer(text, max(0, word.start() - 40), word.end() + 50):
            if match.end() <= word.start() or match.start() >= word.end():
                yield Found(match.start(), match.end(), kind)
