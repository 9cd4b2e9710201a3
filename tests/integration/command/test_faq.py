"""`harkara faq`: import entries from a CSV file, and try questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harkara.assistant.knowledge.faq import Faq
from harkara.ledger.database import Database
from tests.integration.command.deployment import Harkara

ROWS = "id,questions,answer\nhours,When are you open?|kab khulta hai,From 10 to 19.\nprice,What is the price?,{}\n"


@pytest.fixture
def faq(environment: dict[str, str], tmp_path: Path) -> Path:
    environment["HARKARA_FAQ_FILE"] = str(tmp_path / "faq.toml")
    return tmp_path / "faq.toml"


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "rows.csv"
    path.write_text(text, "utf-8")
    return str(path)


def test_valid_rows_are_added_and_the_others_are_named(harkara: Harkara, faq: Path, tmp_path: Path) -> None:
    result = harkara("faq", "import", write(tmp_path, ROWS.format("<b>5</b>")), "--json")
    assert result.exit_code == 4
    answer = json.loads(result.stdout)
    assert (answer["written"], answer["rejected"][0]["row"]) == (1, 3)
    assert "has HTML" in answer["rejected"][0]["reason"]
    assert [each.id for each in Faq.load(faq).entries] == ["hours"]
    again = harkara("faq", "import", write(tmp_path, ROWS.format("Five rupees.")))
    assert "is already in the FAQ" in again.stdout
    assert [each.id for each in Faq.load(faq).entries] == ["hours", "price"]


def test_replacing_writes_all_rows_or_none(harkara: Harkara, faq: Path, tmp_path: Path) -> None:
    assert harkara("faq", "import", write(tmp_path, ROWS.format("Five rupees."))).exit_code == 0
    before = faq.read_text("utf-8")
    assert harkara("faq", "import", write(tmp_path, ROWS.format("<b>5</b>")), "--replace").exit_code == 4
    assert faq.read_text("utf-8") == before
    only = write(tmp_path, "id,questions,answer\nhours,Open?,Always.\n")
    assert harkara("faq", "import", only, "--replace").exit_code == 0
    assert [(each.id, each.answer) for each in Faq.load(faq).entries] == [("hours", "Always.")]


def test_a_question_shows_the_entries_found_with_scores(harkara: Harkara) -> None:
    shown = harkara("faq", "test", "ऑर्डर कब आएगा").stdout
    assert ["order-status", "1.00"] in [line.split()[:2] for line in shown.splitlines()]
    assert "answers with order-status" in shown
    assert json.loads(harkara("faq", "test", "do you sell phones", "--json").stdout)["answer"] is None


def test_the_words_of_a_shop_are_imported_and_found(harkara: Harkara, faq: Path, tmp_path: Path) -> None:
    rows = "id,questions,answer,synonyms\nprice,What does a lehenga cost?,2000 rupees.,lehenga=ghagra\n"
    assert harkara("faq", "import", write(tmp_path, rows)).exit_code == 0
    assert "answers with price" in harkara("faq", "test", "ghagra kitne ka hai").stdout


def test_a_file_of_questions_shows_hits_and_misses(harkara: Harkara, tmp_path: Path) -> None:
    text = "question,entry\norder kab aayega,order-status\nwho is the owner,\nclinic timings,parking\n"
    result = harkara("faq", "test", "--file", write(tmp_path, text))
    assert result.exit_code == 1
    assert "1 of 2 questions found their entry." in result.stdout
    assert "0 of 1 questions without an entry were answered." in result.stdout
    assert "clinic timings" in result.stdout
    assert harkara("faq", "test").exit_code == 2


def test_without_unanswered_questions_the_list_is_empty(harkara: Harkara, ledger: Database) -> None:
    assert "No questions without an answer." in harkara("faq", "gaps").stdout
    assert json.loads(harkara("faq", "gaps", "--days", "7", "--json").stdout) == {"gaps": [], "erased": 0}
