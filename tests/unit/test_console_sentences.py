"""Sentences that the product writes into rows: each has a Hindi one, which the pages find by its template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from harkara.console.languages import LOCALES, language
from harkara.console.sentences import Sentences, load_sentences
from tests.unit import reasons
from tests.unit.written_sentences import HOLE, refusals, rules, sentences

HINDI = load_sentences(LOCALES / "hi" / "sentences")
INDIA = ZoneInfo("Asia/Kolkata")

_MADE = (
    reasons.why_groups,
    reasons.alarms,
    reasons.traces,
    reasons.reminders,
    reasons.answers,
    reasons.objections,
    reasons.phones,
    reasons.formats,
    reasons.lists,
    reasons.words,
    reasons.campaigns,
    reasons.money,
    reasons.summaries,
    reasons.audit_rules,
    reasons.canaries,
    reasons.redis,
    reasons.callbacks,
)

_LATIN = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]{2,}){2}")
"""Three English words in a row."""

_PLACEHOLDER = re.compile(r"%\(\w+\)s")
_CODE = re.compile("`[^`]*`")
"""A command, which has no translation."""

_ROOMS = (
    "harkara/assistant/voice.py",
    "harkara/callbacks",
    "harkara/campaigns",
    "harkara/delivery",
    "harkara/goals/goal.py",
    "harkara/goals/assistant.py",
    "harkara/inbound",
    "harkara/intake",
    "harkara/ledger/callbacks",
    "harkara/ledger/campaigns",
    "harkara/ledger/charges",
    "harkara/ledger/contacts",
    "harkara/ledger/conversations",
    "harkara/ledger/events",
    "harkara/ledger/halts.py",
    "harkara/ledger/lane_commands.py",
    "harkara/ledger/lost_posts.py",
    "harkara/ledger/messages",
    "harkara/ledger/occasions",
    "harkara/ledger/personal/changes.py",
    "harkara/ledger/personal/erase.py",
    "harkara/ledger/restore.py",
    "harkara/ledger/sweep.py",
    "harkara/limits",
    "harkara/message_groups.py",
    "harkara/money",
    "harkara/occasions",
    "harkara/playbook",
)
"""Whatever writes a reason of a message, a halt, a campaign, a reminder, a callback or an alarm."""

_COMMAND = re.compile(
    "`harkara (?:alarms|campaign|cancel|doctor|lanes`|list|resend|resolve (?:ID|\0)|spend|lanes unpark \0)"
)
_ELSEWHERE = re.compile(
    "Its campaign starts \0\\.|It is being sent; ask again in a few seconds.|Lane \0 has no token: .*"
    "|It pauses when it has cost .*|.* go first, and are judged .*|The first wave are .*"
    "|\0 of the recipients get nothing.*|.* recipients wrote, and .*|One of the groups is empty.*"
    "|Chat Mitra or WhatsApp is slow.*|Compare the address and the secret.*|A full Redis accepts no messages.*"
    "|Free space on the disk.*|The model or a lookup is slow.*|The FAQ lacks.*|Check the model's address.*"
    "|\0 no\\. \0.*"
)
"""What only the command, the HTTP API and the errors of files say."""

_RULE_ROOMS = (
    "harkara/campaigns",
    "harkara/catalogue",
    "harkara/console",
    "harkara/inbound/contact.py",
    "harkara/ledger/campaigns",
    "harkara/ledger/conversations",
    "harkara/ledger/lane_commands.py",
    "harkara/ledger/messages/named_filter.py",
    "harkara/ledger/messages/selections.py",
    "harkara/ledger/users",
    "harkara/messages/link_expiry.py",
    "harkara/messages/media_links.py",
    "harkara/messages/text_rules.py",
    "harkara/messages/validation.py",
    "harkara/money",
    "harkara/occasions",
    "harkara/phone.py",
    "harkara/text_files.py",
    "harkara/times.py",
)
_REFUSAL_ROOMS = (
    "harkara/intake/erasure.py",
    "harkara/ledger/alarms",
    "harkara/ledger/campaigns",
    "harkara/ledger/charges",
    "harkara/ledger/contacts",
    "harkara/ledger/conversations",
    "harkara/ledger/lane_commands.py",
    "harkara/ledger/messages/accept.py",
    "harkara/ledger/messages/commands.py",
    "harkara/ledger/messages/queries.py",
    "harkara/ledger/messages/selections.py",
    "harkara/ledger/occasions/calendar.py",
    "harkara/ledger/occasions/commands.py",
    "harkara/ledger/occasions/queries.py",
    "harkara/ledger/occasions/remind.py",
    "harkara/ledger/personal",
    "harkara/ledger/users",
)
"""Whatever refuses what a form of the console asks for."""

_PARTS = {"is too long", "is too short", "must be", "was another"}
"""Parts of rules. The whole ones are among those that are made."""

_PROBES = ("3", "2026-11-29T10:05:00+00:00", "shop", "10 %", "1,234.50", "INR")
"""Values that holes may have."""


@cache
def made() -> frozenset[str]:
    return frozenset(text for sentences in _MADE for text in sentences())


@cache
def written() -> frozenset[str]:
    return frozenset(
        each.text
        for each in sentences(*_ROOMS)
        if not _COMMAND.search(each.text) and not _ELSEWHERE.fullmatch(each.text)
    )


@cache
def ruled() -> frozenset[str]:
    texts = {each.text for each in (*rules(*_RULE_ROOMS), *refusals(*_REFUSAL_ROOMS))}
    return frozenset(text for text in texts if text.strip(HOLE)) - _PARTS


def filled(text: str) -> Iterator[str]:
    parts = text.split(HOLE)
    for values in product(_PROBES, repeat=len(parts) - 1):
        yield parts[0] + "".join(value + part for value, part in zip(values, parts[1:], strict=True))


@cache
def found(text: str) -> str:
    """Return the sentence with values for its holes that have a translation, an empty one if there are none."""
    said = language("hi").said
    return next((each for each in filled(text) if said(each)), "") if text.count(HOLE) < 4 else ""


def untranslated(texts: frozenset[str]) -> list[str]:
    return sorted(text for text in texts if not found(text) and not is_made(text))


@cache
def made_texts() -> str:
    return "\n".join(made())


def is_made(text: str) -> bool:
    """Whether one of the sentences that functions have made is of this template: it was tested as a whole."""
    return bool(re.search(f"^{'.+'.join(map(re.escape, text.split(HOLE)))}$", made_texts(), re.MULTILINE))


@pytest.mark.parametrize("sentences", _MADE)
def test_every_sentence_of_the_product_has_a_hindi_one(sentences: object) -> None:
    assert callable(sentences)
    said = {text: language("hi").said(text) for text in set(sentences())}
    assert [text for text, hindi in said.items() if hindi is None or _LATIN.search(_CODE.sub("", hindi))] == []


def test_no_file_writes_a_sentence_without_a_hindi_one() -> None:
    assert {"Its deadline passed before it could be sent.", f"Dropped by {HOLE}."} <= written()
    assert untranslated(written()) == []


def test_every_template_is_of_a_sentence_that_the_product_writes() -> None:
    marked = {text: f"<{number}>" + " ".join(_PLACEHOLDER.findall(text)) for number, text in enumerate(HINDI)}
    sentences = Sentences(marked)
    written_out = " ".join(
        filter(None, (sentences.find(each) for each in made() | set(map(found, written() | ruled()))))
    )
    assert [text for number, text in enumerate(HINDI) if f"<{number}>" not in written_out] == []


def test_placeholders_are_those_of_the_english_sentence() -> None:
    for text, said in HINDI.items():
        places = [sorted(re.findall(r"%\(\w+\)s|`[^`]*`", each)) for each in (text, said)]
        assert places[0] == places[1], text


def test_what_an_operator_wrote_stays_and_other_texts_have_no_translation() -> None:
    said = language("hi").said
    found = said("3 wait: lane shop is parked: The price is wrong.")
    assert found == "3 संदेश प्रतीक्षा में हैं: लेन shop रोकी गई है: The price is wrong."
    assert said("The price is wrong.") is None
    assert said("I wait for 2 days") is None
    assert said("") is None
    assert said("Its campaign was cancelled. The price is wrong.") is None


@pytest.mark.parametrize(
    ("code", "reached", "again", "why"),
    [
        (
            "en",
            "It has cost ₹12,34,567.50, and its stop-loss is ₹10,00,000.00. "
            "Resume it with a higher stop-loss, or cancel it.",
            "Harkara sends it again at 29 Nov 2026, 3:35 pm, unless a webhook shows by then that it arrived.",
            "12,34,567 wait for 24 Nov, 9:00 am, quiet hours",
        ),
        (
            "hi",
            "इस पर ₹12,34,567.50 ख़र्च हो चुके हैं, और इसकी ख़र्च सीमा ₹10,00,000.00 है। ख़र्च सीमा बढ़ाकर इसे आगे चलाएँ, या रद्द करें।",
            "Harkara इसे 29 नव॰ 2026, 3:35 pm पर दोबारा भेजेगा, जब तक किसी वेबहुक से पता न चले कि यह पहुँच गया।",
            "12,34,567 संदेश 24 नव॰, 9:00 am की प्रतीक्षा में हैं, शांत समय",
        ),
    ],
)
def test_amounts_numbers_and_times_in_kept_sentences_are_those_of_the_language(
    code: str, reached: str, again: str, why: str
) -> None:
    def said(text: str) -> str:
        return (language(code).said(text, INDIA) or "").replace("AM", "am").replace("PM", "pm")

    kept = "It has cost 1,234,567.50 INR, and its stop-loss is 1,000,000.00 INR."
    assert said(f"{kept} Resume it with a higher stop-loss, or cancel it.") == reached
    sent_again = "Harkara sends it again at 2026-11-29T10:05:00+00:00, unless a webhook shows by then that it arrived."
    assert said(sent_again) == again
    assert said("1,234,567 wait for 24 Nov 09:00, quiet hours") == why


def test_no_file_has_a_rule_or_a_refusal_without_a_hindi_one() -> None:
    assert {"must have no letters", "this user is disabled"} <= ruled()
    assert untranslated(ruled()) == []
