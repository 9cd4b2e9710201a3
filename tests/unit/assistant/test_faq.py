"""An FAQ is validated when it is loaded or imported; an error names the entry and its fault."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from harkara.assistant.answer_cache import AnswerCache
from harkara.assistant.knowledge.faq import Faq, FaqEntry, parse_entry
from harkara.assistant.knowledge.faq_import import dump_question, dump_toml, read_csv, write_toml
from harkara.errors import Invalid
from tests.unit.assistant.shipped import FAQ

TODAY = date(2026, 11, 29)
HEAD = "id,language,questions,answer,valid_until,buttons,synonyms\n"


def entry(**given: object) -> FaqEntry:
    return FaqEntry.model_validate(
        {"id": "hours", "questions": ["When are you open?"], "answer": "From 10 to 19."} | given
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("hours,en,Open?,=HYPERLINK(1),,", "answer: begins as a formula"),
        ("hours,en,@SUM(1),Yes,,", "questions: begins as a formula"),
        ("hours,en,Open?,<b>Yes</b>,,", "answer: has HTML"),
        ("hours,en,Open?,**Yes**,,", "answer: has an asterisk"),
        ("hours,en,Open?,हम open हैं,,", "answer: mixes Devanagari and Latin"),
        ("hours,en,Open?," + "🙂 a" * 11 + ",,", "answer: at most 10 emoji"),
        ("hours,en,Open?," + "a" * 2691 + ",,", "answer: at most 2,690 characters (this has 2,691)"),
        ("hours,en,Open?,,,", "answer: must not be blank"),
        ("hours,en,,Yes,,", "questions"),
        ("hours,en,?!,Yes,,", "questions: must have a word"),
        ("hours,en," + "a" * 201 + ",Yes,,", "questions: at most 200 characters (this has 201)"),
        ("hours,en,Open?,Yes,,,saree", "synonyms: each list must have 2 to 20 different words"),
        ("hours,en,Open?,Yes,,,saree=SAREE!", "synonyms: each list must have 2 to 20 different words"),
        ("Hours!,en,Open?,Yes,,", "id: must have lower-case letters"),
        ("hours,English,Open?,Yes,,", "language: must be the code of a language"),
        ("hours,en,Open?,Yes,2026-11-28,", "valid_until: 2026-11-28 is over"),
        ("hours,en,Open?,Yes,soon,", "valid_until: must be a date such as 2027-03-31"),
        ("hours,en,Open?,Yes,,a|b|c|d", "buttons"),
        ("hours,en,Open?,Yes,,Talk to a person of our team", "buttons: at most 20 characters"),
        ("hours,en,Open?,Yes,,Yes|Yes", "different titles"),
        ("taken,en,Open?,Yes,,", "is already in the FAQ; use --replace"),
        ('"hours,en,Open?,Yes', "cannot be read; check its quotes"),
    ],
)
def test_a_row_that_is_no_entry_is_rejected_with_its_reason(tmp_path: Path, row: str, reason: str) -> None:
    path = tmp_path / "faq.csv"
    path.write_text(HEAD + "good,en,Good?,Good.,,\n" + row + "\n", "utf-8")
    found = read_csv(path, TODAY, [entry(id="taken")])
    assert [each.id for each in found.entries] == ["good"]
    (rejected,) = found.rejected
    assert (rejected.row, reason in rejected.reason) == (3, True), rejected.reason


def test_a_second_row_with_the_same_id_and_language_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text(HEAD + "a,en,One?,Yes,,\na,hi,एक?,हाँ,,\na,en,Two?,No,,\n", "utf-8")
    found = read_csv(path, TODAY)
    assert [each.key for each in found.entries] == [("a", "en"), ("a", "hi")]
    assert [(each.row, "id of row 2 too" in each.reason) for each in found.rejected] == [(4, True)]


def test_a_file_without_a_required_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text("id,answer\na,Yes\n", "utf-8")
    with pytest.raises(Invalid, match="questions: no column is called so"):
        read_csv(path, TODAY)


def test_the_words_of_a_shop_come_from_their_column(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text(HEAD + "a,en,One?,Yes,,,Lehenga = ghagra=chaniya choli | kurta=kurti\n", "utf-8")
    (found,) = read_csv(path, TODAY).entries
    assert found.synonyms == (("lehenga", "ghagra", "chaniya choli"), ("kurta", "kurti"))


def test_an_imported_file_reads_as_the_same_entries(tmp_path: Path) -> None:
    path = tmp_path / "faq.toml"
    entries = [
        entry(answer='Say "yes"\n\nor \\ no.', valid_until="2027-01-01", buttons=["Track order", "Talk"]),
        entry(language="hi", questions=["कब?", "मेरा order <b>कब</b> *आएगा*?"], answer="दस बजे।"),
        entry(id="price", synonyms=[["lehenga", "ghagra", "chaniya choli"], ["kurta", "कुर्ता"]]),
    ]
    write_toml(path, entries)
    assert Faq.load(path) == Faq.of(entries)
    assert [file.name for file in tmp_path.iterdir()] == ["faq.toml"]


def test_the_shipped_faq_stays_the_same_when_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "faq.toml"
    path.write_text(dump_toml(FAQ.entries), "utf-8")
    assert Faq.load(path) == FAQ


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ('[[entry]]\nid = "a"\nquestions = ["x"]\nanswer = "<b>y</b>"', 'entry "a", answer', "has HTML"),
        ('[[entry]]\nquestions = ["x"]\nanswer = "y"', "entry 1, id", "required"),
        ('[[entry]]\nid = "a"\nquestions = ["x"]\nanswer = "y"\n' * 2, "faq.toml", 'the id "a" has two entries'),
    ],
)
def test_a_fault_in_the_file_is_reported_with_its_entry(tmp_path: Path, text: str, place: str, rule: str) -> None:
    path = tmp_path / "faq.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(Invalid) as refusal:
        Faq.load(path)
    assert place in refusal.value.field
    assert rule in refusal.value.rule


def test_an_entry_is_found_in_the_language_of_the_customer_until_it_expires() -> None:
    faq = Faq.of([entry(valid_until=TODAY), entry(language="hi", answer="दस बजे।")])
    found = [faq.find("hours", languages, day) for languages, day in ((("en",), TODAY), (("hi", "en"), TODAY))]
    assert [each and each.language for each in found] == ["en", "hi"]
    later = faq.find("hours", ("en",), date(2026, 11, 30))
    assert later is not None
    assert later.language == "hi"
    assert [each.key for each in faq.expired(date(2026, 11, 30))] == [("hours", "en")]
    assert faq.find("price", ("en",), TODAY) is None


def test_the_version_changes_with_an_answer_and_not_with_the_order() -> None:
    one, two = entry(), entry(id="price")
    assert Faq.of([one, two]).version == Faq.of([two, one]).version
    assert Faq.of([one]).version != Faq.of([entry(answer="From 9 to 19.")]).version


def test_a_question_is_remembered_for_a_version_without_case_and_punctuation() -> None:
    cache = AnswerCache(limit=2)
    cache.put("Where is it?", "v1", "address")
    assert cache.get("where is IT", "v1") == "address"
    assert cache.get("where is it", "v2") is None
    cache.put("b", "v1", "b")
    cache.get("where is it", "v1")
    cache.put("c", "v1", "c")
    assert [cache.get(question, "v1") for question in ("where is it", "b", "c")] == ["address", None, "c"]
    assert len(cache) == 2


@pytest.mark.parametrize(
    ("question", "name", "language"),
    [
        ('Is "wifi" free?\\', "is-wifi-free", "en"),
        ("[card] कब खुलता है", "question", "hi"),
        ("कब खुलता है", "question", "hi"),
        ("मेरा order *कब* आएगा?", "order", "hi"),
        ("x" * 200, "x" * 40, "en"),
    ],
)
def test_a_question_becomes_an_entry_that_needs_an_answer(question: str, name: str, language: str) -> None:
    (found,) = tomllib.loads(dump_question(question))["entry"]
    assert (found["id"], found["language"], found["questions"]) == (name, language, [question.removeprefix("[card] ")])
    with pytest.raises(Invalid):
        parse_entry(found)
    assert parse_entry(found | {"answer": "Yes."}).id == name
