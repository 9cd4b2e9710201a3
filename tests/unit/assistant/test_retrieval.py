"""Questions in English, Hindi and Hinglish find their entry, and others find nothing."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from random import Random
from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.assistant.knowledge.expectations import Judged, Measured, load_expectations, measure
from harkara.assistant.knowledge.faq import Faq, FaqEntry
from harkara.assistant.knowledge.language import detect_language
from harkara.assistant.knowledge.retrieval import FaqIndex
from harkara.assistant.knowledge.transliteration import DEVANAGARI, transliterate
from tests.unit.assistant.shipped import CONFIG, EXPECTATIONS, FAQ, INDEX, SYNONYMS


def answer(index: FaqIndex, question: str) -> str | None:
    hit = index.answer(question)
    return hit.entry if hit else None


def faq(*entries: tuple[str, str]) -> FaqIndex:
    """An index of entries with one question each."""
    return FaqIndex(
        Faq.of(FaqEntry(id=name, questions=(question,), answer="Yes.") for name, question in entries), SYNONYMS
    )


def other_entries(number: int) -> list[FaqEntry]:
    """Entries about other things, in words that exist in no language."""
    random = Random(7)
    invented = ["".join(random.choices(ascii_lowercase, k=8)) for _ in range(900)]
    return [
        FaqEntry(
            id=f"other-{at}", questions=tuple(" ".join(random.choices(invented, k=5)) for _ in range(5)), answer="No."
        )
        for at in range(number)
    ]


def test_the_shipped_questions_are_answered_within_the_bounds() -> None:
    measured = measure(EXPECTATIONS, lambda question: answer(INDEX, question))
    unanswerable = len(measured.judged) - measured.answerable
    assert min(measured.answerable, unanswerable) >= 60
    assert measured.recall >= 0.9
    assert measured.count("other") == 0
    assert measured.false_share <= 0.01


HELD_OUT = Path(__file__).with_name("held_out")
BUSINESSES = ("shop", "clinic", "lender")


def measure_half(half: str) -> Measured:
    """Return the verdicts for the questions of the three businesses, each with its own FAQ."""
    judged: list[Judged] = []
    for business in BUSINESSES:
        index = FaqIndex(Faq.load(HELD_OUT / f"{business}.toml"), SYNONYMS)
        expected = load_expectations(HELD_OUT / f"{business}.{half}.csv")
        judged += measure(expected, lambda question, index=index: answer(index, question)).judged  # type: ignore[misc]
    return Measured(judged)


@pytest.mark.parametrize(
    ("half", "hits", "mistakes"),
    [("development", 55, 0), pytest.param("test", 41, 2, id="test: never choose a number or a word by it")],
)
def test_questions_that_no_word_list_was_written_with_find_their_entry_or_nothing(
    half: str, hits: int, mistakes: int
) -> None:
    measured = measure_half(half)
    assert (measured.answerable, len(measured.judged)) == (89, 131)
    assert measured.count("hit") >= hits
    assert measured.count("other") + measured.count("false") <= mistakes


def test_of_questions_that_only_resemble_an_entry_few_find_it() -> None:
    measured = measure_half("near")
    assert (measured.answerable, len(measured.judged)) == (0, 90)
    assert measured.count("false") <= 3


def test_of_questions_in_new_words_few_find_a_wrong_entry() -> None:
    measured = measure(load_expectations(CONFIG / "faq.held-out.csv"), lambda question: answer(INDEX, question))
    assert (measured.answerable, len(measured.judged)) == (60, 110)
    assert measured.count("hit") >= 26
    assert measured.count("other") + measured.count("false") <= 1


@pytest.mark.parametrize("typed", ["delivry", "deilvery", "delivary", "dellivery", "delivert"])
def test_one_mistyped_letter_makes_no_difference(typed: str) -> None:
    assert answer(INDEX, f"{typed} charge") == "delivery-charge"


@pytest.mark.parametrize(("word", "other"), [("kist", "cost"), ("send", "sunday"), ("place", "policy")])
def test_words_with_the_same_consonants_are_two_words(word: str, other: str) -> None:
    assert INDEX.vocabulary.terms(word) != INDEX.vocabulary.terms(other)


def test_a_subject_of_the_synonyms_that_no_entry_has_keeps_the_assistant_silent() -> None:
    index = faq(("payment", "How can I pay?"))
    assert answer(index, "can i pay") == "payment"
    assert answer(index, "can i pay in instalments") is None


@pytest.mark.parametrize(
    ("devanagari", "latin"),
    [
        ("ऑर्डर कब आएगा", "order kab aayega"),
        ("मेरा पार्सल कहाँ है", "mera parcel kahan hai"),
        ("डॉक्टर की फ़ीस कितनी है", "doctor ki fees kitni hai"),
        ("पैसे वापस कब मिलेंगे", "paise wapas kab milenge"),
        ("क्लिनिक का समय क्या है", "clinic ka samay kya hai"),
        ("दवा की होम डिलीवरी", "dava ki home delivery"),
    ],
)
def test_a_question_finds_the_same_in_both_scripts(devanagari: str, latin: str) -> None:
    assert answer(INDEX, devanagari) == answer(INDEX, latin) is not None


@pytest.mark.parametrize(
    ("word", "latin"),
    [
        ("कब", "kab"),
        ("कहाँ", "kahaan"),
        ("समय", "samay"),
        ("मतलब", "matlab"),
        ("करना", "karnaa"),
        ("ज़रूरी", "zarooree"),
        ("क्लिनिक", "klinik"),
        ("१२", "12"),
        ("order", "order"),
    ],
)
def test_devanagari_is_written_as_people_type_it(word: str, latin: str) -> None:
    assert transliterate(word) == latin


@given(st.text(st.characters(min_codepoint=0x0900, max_codepoint=0x097F), max_size=30))
def test_nothing_but_signs_of_their_own_stays_in_devanagari(word: str) -> None:
    assert not [mark for mark in transliterate(word) if DEVANAGARI.match(mark) and "क" <= mark <= "ह"]


def test_a_vowel_sign_belongs_to_its_consonant() -> None:
    index = faq(("a", "कल कोई"), ("b", "काला कीड़ा"))
    assert answer(index, "काला कीड़ा") == "b"


@pytest.mark.parametrize("question", ["delivry charge", "delivery charges", "DELIVERY-CHARGE??", "deliveries charge"])
def test_plurals_typing_errors_and_case_make_no_difference(question: str) -> None:
    assert answer(INDEX, question) == "delivery-charge"


@pytest.mark.parametrize("question", ["", "?", "👍", "kab", "how much", "4521", "the of and", "\u200d"])
def test_a_text_without_a_subject_finds_nothing(question: str) -> None:
    assert answer(INDEX, question) is None


def test_of_two_equal_entries_the_first_id_is_found_and_neither_answers() -> None:
    index = faq(("b", "red shoes size"), ("a", "red shoes color"))
    assert [hit.entry for hit in index.find("red shoes")] == ["a", "b"]
    assert answer(index, "red shoes") is None
    assert answer(index, "red shoes size") == "b"


def own_words(*groups: tuple[str, ...]) -> FaqIndex:
    """An FAQ of two entries, the first of which names words that mean the same."""
    dress = FaqEntry(id="dress", questions=("What does a lehenga cost?",), answer="₹2,000.", synonyms=groups)
    bill = FaqEntry(id="bill", questions=("Can I get an invoice?",), answer="Yes.")
    return FaqIndex(Faq.of([dress, bill]), SYNONYMS)


def test_words_that_mean_the_same_in_a_shop_find_its_entries() -> None:
    asked = ("chaniya choli ka rate kya hai", "ghagras ki keemat")
    assert [answer(own_words(), question) for question in asked] == [None, None]
    index = own_words(("lehenga", "ghagra", "chaniya choli"))
    assert [answer(index, question) for question in asked] == ["dress", "dress"]


def test_words_of_a_shop_join_the_lists_that_have_one_of_them() -> None:
    assert answer(own_words(), "patti chahiye") is None
    assert answer(own_words(("patti", "invoice")), "patti chahiye") == "bill"
    both = own_words(("patti", "parchi"), ("parchi", "bill"))
    assert answer(both, "patti chahiye") == "bill"
    assert SYNONYMS.with_same([("a", "b")]).concepts.keys() - SYNONYMS.concepts.keys() == {"own a"}


def test_an_empty_faq_finds_nothing() -> None:
    assert FaqIndex(Faq(), SYNONYMS).find("order kab aayega") == []


def test_the_threshold_holds_with_twenty_times_as_many_entries() -> None:
    large = FaqIndex(Faq.of([*FAQ.entries, *other_entries(500 - len(FAQ.entries))]), SYNONYMS)
    moved = {
        each.question: (answer(INDEX, each.question), answer(large, each.question))
        for each in EXPECTATIONS
        if answer(INDEX, each.question) != answer(large, each.question)
    }
    assert moved == {}


def test_the_index_of_five_hundred_entries_is_small() -> None:
    tracemalloc.start()
    FaqIndex(Faq.of(other_entries(500)), SYNONYMS).find("where is it")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


@given(st.text(max_size=200))
def test_any_text_gives_the_same_scores_between_0_and_1_again(text: str) -> None:
    found = INDEX.find(text)
    assert found == INDEX.find(text)
    assert all(0 < hit.score <= 1 for hit in found)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my order?", "en"),
        ("mera order kahan hai", "hi-Latn"),
        ("मेरा ऑर्डर कहाँ है", "hi"),
        ("मेरा order ORD-1042 कहाँ है", "hi"),
        ("👍", "en"),
    ],
)
def test_the_language_of_a_customer_is_recognized(text: str, language: str) -> None:
    assert detect_language(text, INDEX.vocabulary) == language
