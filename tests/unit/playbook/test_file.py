"""The playbook's file: its sentences, its validation and its effect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harkara.errors import Invalid
from harkara.playbook import Playbook
from harkara.playbook.table import PlaybookTable
from tests.unit.playbook.judging import FILE, FIRST


def test_every_sentence_begins_with_a_capital_and_ends_with_a_period() -> None:
    table = PlaybookTable.load(FILE)
    entries = (*table.code, *table.http, *table.event, table.unknown)
    assert [
        entry.sentence for entry in entries if not entry.sentence.endswith(".") or entry.sentence[0].islower()
    ] == []


@pytest.mark.parametrize(
    ("old", "new", "named", "rule"),
    [
        ("base = 1, factor = 4", "base = -1, factor = 4", "code 131056: delays", "greater than 0"),
        ('on = [131047]\nclass = "template"', 'on = [131047]\nclass = "retyr"', "code 131047: class", "'retry'"),
        ("on = [131047]", "on = [131056]", "the file", "code 131056 has two entries"),
        ("seconds = 300 # Meta", "delays = [1]", "code 133015:", "retry and wait"),
        ('unless-open = "131047"', 'unless-open = "999"', "the file", "999, which has no entry"),
        ("[uncertain.marketing]", "[uncertain.markting]", "the file", "no entry for marketing"),
        ('on = ["crash"]', 'on = ["krash"]', "the file", "no entry for crash"),
        ("on = [131047]\n", "", "the file", "has no `on`"),
        ("on = [131047]", "of = [131047]", "code no. 7: of", "not permitted"),
        ("tries = 5", "", "tries", "required"),
        ("tries = 5", "tries = = 5", "cannot be read as TOML", "line"),
        (
            "lost = { after = [600], evidence = true }",
            "lost = { after = 600 }",
            "uncertain.utility.lost.after",
            "tuple",
        ),
    ],
)
def test_an_error_names_the_entry_and_the_rule(tmp_path: Path, old: str, new: str, named: str, rule: str) -> None:
    text = FILE.read_text()
    assert old in text
    path = tmp_path / "playbook.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(Invalid) as caught:
        Playbook.load(path)
    assert named in str(caught.value)
    assert rule in str(caught.value)


def test_an_error_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"playbook\.toml"):
        Playbook.load(tmp_path / "playbook.toml")


def test_an_edit_of_the_file_changes_the_outcome(tmp_path: Path) -> None:
    path = tmp_path / "playbook.toml"
    path.write_text(FILE.read_text().replace("lost = { after = [20] }", "lost = { after = [5, 7] }"))
    otp = replace(FIRST, category="authentication", resends=1)
    assert Playbook.load(path).after_crash(otp).resend_after == 7
